// The network configuration on stdin: checked against the schema, and given its
// defaults. What the chain hands on (prevResult, port mappings) is read in
// prevresult.ts and mappings.ts.

import { DATA_DIR } from "../../src/defaults.ts";
import type { Level } from "../../src/log.ts";

export interface PluginConf {
	readonly name: string;
	readonly on: "both" | "add" | "del";
	/** "pod": on DEL, look after all that comes to the pod, for runtimes that pass no port mappings. */
	readonly scope: "ports" | "pod";
	readonly protocols: readonly ("udp" | "tcp" | "sctp")[];
	readonly retireSeconds: number;
	readonly dataDir: string;
	readonly logLevel: Level;
	readonly logFile: string | undefined;
	readonly portMappings: readonly unknown[];
	readonly prevResult: object | undefined;
	/** The document, parsed and as it came, for what only one verb reads. */
	readonly members: Readonly<Record<string, unknown>>;
	readonly text: string;
}

/** The keys of conf.schema.json but `on`, which most of the few that set any set alone. */
const KEYS = [
	"scope",
	"protocols",
	"retireSeconds",
	"dataDir",
	"logLevel",
	"logFile",
] as const;

const refusals = () => import("./errors.ts");

export function isObject(x: unknown): x is Record<string, unknown> {
	return typeof x === "object" && x !== null && !Array.isArray(x);
}

/**
 * The configuration of a verb; GC and STATUS are about no attachment, and do not
 * look at what belongs to one. Throws CniError 7 that names the key and the value.
 */
export async function readConf(
	command: string,
	members: Record<string, unknown>,
	text: string,
): Promise<PluginConf> {
	// the schema vouches for these types below, or there is nothing to vouch for
	const own = members as Partial<PluginConf>;
	const { on = "both" } = own;
	if (
		(on !== "both" && on !== "add" && on !== "del") ||
		KEYS.some((key) => own[key] !== undefined)
	) {
		const { validate } = await import("../../build/gen/conf.validate.js");
		if (!validate(members))
			throw (await refusals()).invalidKey(members, validate.errors?.[0]);
	}
	const isAttachment = command !== "GC" && command !== "STATUS";
	const runtimeConfig = (isAttachment ? members.runtimeConfig : {}) ?? {};
	if (!isObject(runtimeConfig)) throw await notObject("runtimeConfig", members);
	const portMappings = runtimeConfig.portMappings ?? [];
	if (!Array.isArray(portMappings))
		throw (await refusals()).invalidConfig(
			"runtimeConfig.portMappings",
			portMappings,
			"must be an array",
		);
	const prevResult = isAttachment
		? (members.prevResult ?? undefined)
		: undefined;
	if (prevResult !== undefined && !isObject(prevResult))
		throw await notObject("prevResult", members);
	return {
		name: String(members.name),
		on,
		scope: own.scope ?? "ports",
		protocols: own.protocols ?? ["udp"],
		retireSeconds: own.retireSeconds ?? 2,
		dataDir: own.dataDir ?? DATA_DIR,
		logLevel: own.logLevel ?? "info",
		logFile: own.logFile,
		portMappings,
		prevResult,
		members,
		text,
	};
}

async function notObject(
	key: string,
	members: Readonly<Record<string, unknown>>,
): Promise<Error> {
	const { invalidConfig } = await refusals();
	return invalidConfig(key, members[key], "must be an object");
}

/** Throws CniError 7 where a verb that must be chained is not. */
export async function requirePrevResult(conf: PluginConf): Promise<void> {
	if (conf.prevResult === undefined) throw (await refusals()).unchained();
}
