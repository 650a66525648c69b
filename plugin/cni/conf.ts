// The network configuration on stdin: checked against the schema, and given its
// defaults. The runtime's results and port mappings in it are read by src/libcni.

import { DATA_DIR } from "../../src/defaults.ts";
import type { Level } from "../../src/log.ts";
import { isObject } from "../../src/objects.ts";
import type { InvalidValue, Problem } from "./request.ts";

export interface PluginConf {
	readonly name: string;
	/** The version that the request is in. */
	readonly cniVersion: string;
	readonly on: "both" | "add" | "del";
	/** "pod": DEL looks after all traffic to the pod, for runtimes that pass no port mappings. */
	readonly scope: "ports" | "pod";
	readonly protocols: readonly ("udp" | "tcp" | "sctp")[];
	readonly retireSeconds: number;
	readonly dataDir: string;
	readonly logLevel: Level;
	/** True: ADD has the kernel handle each flow of the pod on one CPU. */
	readonly oneCPUPerFlow?: boolean;
	readonly portMappings: readonly unknown[];
	readonly prevResult: object | undefined;
	/** The document's members, for keys that only one verb reads. */
	readonly members: Readonly<Record<string, unknown>>;
	/** The document as it came. */
	readonly text: string;
}

/** The keys of conf.schema.json, without those that most plugin items set, if any: they are checked without the schema, which costs more than many a verb. */
const KEYS = [
	"scope",
	"protocols",
	"retireSeconds",
	"strictStatus",
	"strictCheck",
	"dataDir",
	"logLevel",
	"logFile",
	"logFormat",
] as const;

/** A document without a cniVersion is in this version, as libcni's PluginConf reads it. */
export const OLDEST = "0.1.0";

/**
 * Returns the configuration of a verb. GC and STATUS concern no attachment, so the
 * keys that describe one are not looked at. Throws a Problem.
 */
export async function readConf(
	command: string,
	members: Record<string, unknown>,
	text: string,
): Promise<PluginConf> {
	// the schema vouches for these types, or none of these keys is there
	const own = members as Partial<PluginConf> & Pick<PluginConf, "name">;
	const { on = "both", oneCPUPerFlow = false } = own;
	if (
		(on !== "both" && on !== "add" && on !== "del") ||
		typeof oneCPUPerFlow !== "boolean" ||
		KEYS.some((key) => key in members)
	)
		(await import("./conf.check.ts")).checkKeys(members);
	const isAttachment = command !== "GC" && command !== "STATUS";
	const runtimeConfig = (isAttachment ? members.runtimeConfig : {}) ?? {};
	if (!isObject(runtimeConfig))
		throw invalid("runtimeConfig", runtimeConfig, "must be an object");
	const portMappings = runtimeConfig.portMappings ?? [];
	if (!Array.isArray(portMappings))
		throw invalid(
			"runtimeConfig.portMappings",
			portMappings,
			"must be an array",
		);
	const prevResult = isAttachment
		? (members.prevResult ?? undefined)
		: undefined;
	if (prevResult !== undefined && !isObject(prevResult))
		throw invalid("prevResult", prevResult, "must be an object");
	return {
		scope: "ports",
		protocols: ["udp"],
		retireSeconds: 2,
		dataDir: DATA_DIR,
		logLevel: "info",
		...own,
		cniVersion: own.cniVersion || OLDEST,
		on,
		portMappings,
		prevResult,
		members,
		text,
	};
}

function invalid(where: string, value: unknown, must: string): InvalidValue {
	return { is: "value", where, value, must };
}

/** Throws a Problem if a verb that must be chained is not. */
export function requirePrevResult(conf: PluginConf): void {
	if (conf.prevResult === undefined)
		throw { is: "not chained" } satisfies Problem;
}
