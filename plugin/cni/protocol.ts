// The CNI protocol, as the reference plugins' skel speaks it: environment and
// stdin in, one JSON document out. Knows no verb from the inside. Every call
// loads this file, so it only tells right from wrong; refusals.ts has the words.

import type { Host } from "../../src/host.ts";
import { isObject, type PluginConf, readConf } from "./conf.ts";

export const VERSIONS = [
	"0.1.0",
	"0.2.0",
	"0.3.0",
	"0.3.1",
	"0.4.0",
	"1.0.0",
	"1.1.0",
] as const;
export const CURRENT = "1.1.0";

/** What a verb is called with, beside the configuration. */
export interface CmdArgs {
	readonly containerID: string;
	readonly ifname: string;
	/** CNI_ARGS as it came. */
	readonly args: string;
}

/** Does the work and returns the document for stdout, "" for none. */
export type Verb = (
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
) => Promise<string> | string;

/** Loads each verb that has rules. */
export type Verbs = Readonly<
	Record<keyof typeof RULES, () => Promise<Verb> | Verb>
>;

/** A variable that some verb needs. */
export type Variable =
	| "CNI_CONTAINERID"
	| "CNI_IFNAME"
	| "CNI_NETNS"
	| "CNI_PATH";

interface VerbRules {
	readonly env: readonly Variable[];
	/** The first spec version that has the verb. */
	readonly since: (typeof VERSIONS)[number];
}

const ATTACHMENT = ["CNI_CONTAINERID", "CNI_IFNAME"] as const;
const RULES = {
	ADD: { env: [...ATTACHMENT, "CNI_NETNS", "CNI_PATH"], since: "0.1.0" },
	// a DEL may come when the namespace is long gone
	DEL: { env: [...ATTACHMENT, "CNI_PATH"], since: "0.1.0" },
	CHECK: { env: [...ATTACHMENT, "CNI_NETNS", "CNI_PATH"], since: "0.4.0" },
	GC: { env: ["CNI_PATH"], since: "1.1.0" },
	STATUS: { env: ["CNI_PATH"], since: "1.1.0" },
} as const satisfies Record<string, VerbRules>;

const refusals = () => import("./errors.ts");

/** What an answer tells of the request. */
export interface Answer {
	/** The version that the request is in, once that is known. */
	cniVersion: string;
}

/**
 * Runs the verb that CNI_COMMAND names and returns the document for stdout.
 * Throws CniError.
 */
export async function callVerb(
	host: Host,
	verbs: Verbs,
	answer: Answer,
): Promise<string> {
	const command = host.env("CNI_COMMAND") ?? "";
	const isVersion = command === "VERSION";
	if (!isVersion && !isVerb(command))
		throw (await refusals()).unknownCommand(command, [
			"VERSION",
			...Object.keys(RULES),
		]);
	const needed = isVersion ? [] : RULES[command].env;
	const value = (name: Variable): string | undefined => host.env(name);
	const odd = needed.filter((name) => !isPlain(name, value(name)));
	if (odd.length > 0) {
		const refusal = (await refusals()).environment(command, needed, odd, value);
		if (refusal) throw refusal;
	}

	let text = "";
	let members: unknown;
	try {
		text = host.stdin();
		members = JSON.parse(text);
	} catch (cause) {
		// skel does not read the input of VERSION, so callers may give none
		if (isVersion && cause instanceof SyntaxError && text.trim() === "")
			return versionDocument(-1);
		throw (await refusals()).unreadable(cause);
	}
	if (!isObject(members)) throw (await refusals()).noObject(text);
	// a configuration without cniVersion is one of 0.1.0 (libcni, PluginConf)
	const version = members.cniVersion ?? "";
	if (typeof version !== "string") throw (await refusals()).noVersion(version);
	const at = version === "" ? 0 : indexOf(version);
	if (isVersion) return versionDocument(at);

	if (at < 0) throw (await refusals()).unsupported(version, VERSIONS);
	answer.cniVersion = version || "0.1.0";
	const { since } = RULES[command];
	if (at < indexOf(since))
		throw (await refusals()).tooOld(command, version || "0.1.0", since);
	const { name } = members;
	if (typeof name !== "string" || !isName(name))
		throw (await refusals()).noName(name);
	const args = readArgs(host);
	let conf: PluginConf;
	try {
		conf = await readConf(command, members, text);
	} catch (e) {
		if (command !== "DEL") throw e;
		conf = await (await import("./conf.lenient.ts")).forgive(
			host,
			args,
			members,
			e,
		);
	}
	const verb = await verbs[command]();
	return verb(host, args, conf);
}

function isVerb(command: string): command is keyof Verbs {
	return Object.hasOwn(RULES, command);
}

/** Whether the value is right at a glance; of an interface's name refusals.ts knows more. */
function isPlain(name: Variable, value: string | undefined): boolean {
	if (!value) return false;
	if (name === "CNI_CONTAINERID") return isName(value);
	return name !== "CNI_IFNAME" || (value.length <= 15 && isName(value));
}

/**
 * Letters, digits, `_`, `.` and `-`, the first a letter or digit: what the spec
 * asks of names and IDs. No regular expression and no loop, either of which costs
 * more than the rest of the request: `escape` leaves just these and @ * + / alone.
 */
function isName(text: string): boolean {
	return (
		escape(text) === text &&
		!["@", "*", "+", "/"].some((c) => text.includes(c)) &&
		!["", "_", ".", "-"].includes(text.slice(0, 1))
	);
}

function indexOf(version: string): number {
	return (VERSIONS as readonly string[]).indexOf(version);
}

/** Answers any version: it is how the runtime finds out. */
function versionDocument(asked: number): string {
	const cniVersion = VERSIONS[asked] ?? CURRENT;
	return JSON.stringify({ cniVersion, supportedVersions: VERSIONS });
}

function readArgs(host: Host): CmdArgs {
	return {
		containerID: host.env("CNI_CONTAINERID") ?? "",
		ifname: host.env("CNI_IFNAME") ?? "",
		args: host.env("CNI_ARGS") ?? "",
	};
}
