// The CNI protocol, as the reference plugins' skel speaks it: environment and stdin
// in, one JSON document out. It knows no verb from the inside. Every call loads this
// file, so it only tells right from wrong: what is wrong is thrown as data (request.ts).

import type { Host } from "../../src/host.ts";
import { isObject } from "../../src/objects.ts";
import { OLDEST, type PluginConf, readConf } from "./conf.ts";
import type { CmdArgs, Problem, Variable } from "./request.ts";

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

/** A request of some thousand port mappings. */
const BIG = 1 << 18;

/** Does the work and returns the document for stdout, "" for none. */
export type Verb = (
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
) => Promise<string> | string;

/** Loads the verb. */
export type Verbs = Readonly<
	Record<keyof typeof RULES, () => Promise<Verb> | Verb>
>;

interface VerbRules {
	readonly env: readonly Variable[];
	/** The first version of the specification that has the verb. */
	readonly since: (typeof VERSIONS)[number];
}

const ATTACHMENT = ["CNI_CONTAINERID", "CNI_IFNAME"] as const;
const RULES = {
	ADD: { env: [...ATTACHMENT, "CNI_NETNS", "CNI_PATH"], since: "0.1.0" },
	// a DEL may come when the namespace no longer exists
	DEL: { env: [...ATTACHMENT, "CNI_PATH"], since: "0.1.0" },
	CHECK: { env: [...ATTACHMENT, "CNI_NETNS", "CNI_PATH"], since: "0.4.0" },
	GC: { env: ["CNI_PATH"], since: "1.1.0" },
	STATUS: { env: ["CNI_PATH"], since: "1.1.0" },
} as const satisfies Record<string, VerbRules>;

/** The part of the request that the answer repeats. */
export interface Answer {
	/** The version that the request is in, once that is known. */
	cniVersion: string;
}

/**
 * Runs the verb that CNI_COMMAND names and returns the document for stdout. Throws
 * a Problem, and whatever the verb throws.
 */
export async function callVerb(
	host: Host,
	verbs: Verbs,
	answer: Answer,
): Promise<string> {
	const command = host.env("CNI_COMMAND") ?? "";
	const isVersion = command === "VERSION";
	if (!isVersion && !isVerb(command))
		throw {
			is: "unknown command",
			command,
			known: ["VERSION", ...Object.keys(RULES)],
		} satisfies Problem;
	const needed = isVersion ? [] : RULES[command].env;
	const unsure = needed.filter((name) => !isPlain(name, host.env(name)));
	if (unsure.length > 0) await checkEnv(host, command, needed, unsure);

	let text = "";
	let members: unknown;
	try {
		text = host.stdin();
		members =
			text.length < BIG
				? JSON.parse(text)
				: (await import("./bigrequest.ts")).parseBig(text);
	} catch (cause) {
		// skel does not read the input of VERSION, so callers may give none
		if (isVersion && cause instanceof SyntaxError && text.trim() === "")
			return versionDocument(-1);
		throw { is: "unreadable stdin", cause } satisfies Problem;
	}
	if (!isObject(members)) throw { is: "no object", text } satisfies Problem;
	// a configuration without a cniVersion is one of 0.1.0 (libcni, PluginConf)
	const version = members.cniVersion ?? "";
	if (typeof version !== "string")
		throw { is: "version type", value: version } satisfies Problem;
	const at = version === "" ? 0 : indexOf(version);
	if (isVersion) return versionDocument(at);

	if (at < 0)
		throw {
			is: "unsupported version",
			version,
			supported: VERSIONS,
		} satisfies Problem;
	answer.cniVersion = version || OLDEST;
	const { since } = RULES[command];
	if (at < indexOf(since))
		throw {
			is: "old version",
			command,
			version: answer.cniVersion,
			since,
		} satisfies Problem;
	const { name } = members;
	if (typeof name !== "string" || !isName(name))
		throw { is: "name", value: name } satisfies Problem;
	const args = readArgs(host);
	let conf: PluginConf;
	try {
		conf = await readConf(command, members, text);
	} catch (e) {
		if (command !== "DEL") throw e;
		const { lenientConf } = await import("./conf.lenient.ts");
		conf = await lenientConf(host, args, members, e);
	}
	const verb = await verbs[command]();
	return verb(host, args, conf);
}

function isVerb(command: string): command is keyof Verbs {
	return Object.hasOwn(RULES, command);
}

/** Throws a Problem if one of the variables that are not plainly right is missing or wrong. */
async function checkEnv(
	host: Host,
	command: string,
	needed: readonly Variable[],
	unsure: readonly Variable[],
): Promise<void> {
	const value = (name: Variable): string | undefined => host.env(name);
	const { isInterfaceName } = await import("./ifname.ts");
	const wrong = unsure.filter(
		(name) => name !== "CNI_IFNAME" || !isInterfaceName(value(name) ?? ""),
	);
	if (wrong.length > 0)
		throw {
			is: "environment",
			command,
			needed,
			wrong,
			value,
		} satisfies Problem;
}

/** Returns true if the value is right at a glance. An interface's name may be right all the same: see ifname.ts. */
function isPlain(name: Variable, value: string | undefined): boolean {
	if (!value) return false;
	if (name === "CNI_CONTAINERID") return isName(value);
	return name !== "CNI_IFNAME" || (value.length <= 15 && isName(value));
}

/**
 * Letters, digits, `_`, `.` and `-`, the first a letter or digit: what the
 * specification asks of names and IDs. A regular expression or a loop would cost more
 * than the rest of the request; `escape` leaves just these characters and @ * + /
 * alone.
 */
function isName(text: string): boolean {
	return (
		escape(text) === text &&
		!["@", "*", "+", "/"].some((c) => text.includes(c)) &&
		// the empty text is in every other
		!"_.-".includes(text.slice(0, 1))
	);
}

function indexOf(version: string): number {
	return (VERSIONS as readonly string[]).indexOf(version);
}

/** Answers a request in any version, because this is how the runtime finds out which there are. */
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
