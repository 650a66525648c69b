// What `doctor --npd` answers node-problem-detector, whose plugins are programs: exit code 0
// is OK, 1 a problem, everything else unknown, and 80 bytes of standard output are the
// message of the node's condition (pkg/custompluginmonitor of node-problem-detector).

import type { Finding } from "../doctor/finding.ts";

const OK = 0;
const PROBLEM = 1;
const UNKNOWN = 2;

/** node-problem-detector's default of `max_output_length`. */
const MOST = 80;

/** Returns the exit code and the line. This process's own lack of a capability is no problem of the node. */
export function npdAnswer(findings: readonly Finding[]): {
	readonly code: number;
	readonly line: string;
} {
	const failed = findings.find((f) => f.status === "fail");
	if (failed?.check === "capability") return npdUnknown(failed.found);
	if (failed) return { code: PROBLEM, line: cut(inWords(failed)) };
	const warned = findings.filter((f) => f.status === "warn");
	const checks = [...new Set(warned.map((f) => f.check))];
	return {
		code: OK,
		line: cut(checks.length === 0 ? "ok" : `ok, but see ${checks.join(", ")}`),
	};
}

/** Returns the answer of a check that could not be made. */
export function npdUnknown(why: string): { code: number; line: string } {
	return { code: UNKNOWN, line: cut(`unknown: ${why}`) };
}

function inWords({ check, found }: Finding): string {
	return `${check}: ${found}`;
}

/** Returns the text as one line of so many bytes at most; one that is longer ends with "...". */
function cut(text: string): string {
	// a character outside ASCII takes more than a byte
	const line = text.replace(/\s+/g, " ").replace(/[^ -~]/g, "?");
	return line.length > MOST ? `${line.slice(0, MOST - 3)}...` : line;
}
