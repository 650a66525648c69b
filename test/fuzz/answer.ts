// The document that the fuzz tests damage, and what an answer to it must be.

import { CONF } from "../support/unit/calls.ts";

export const DOCUMENT = {
	...CONF,
	cniVersion: "1.1.0",
	on: "both",
	scope: "ports",
	protocols: ["udp", "tcp", "sctp"],
	retireSeconds: 2,
	logLevel: "debug",
	"cni.dev/valid-attachments": [{ containerID: "4f2e", ifname: "eth0" }],
	capabilities: { portMappings: true },
};
export const VERBS = ["ADD", "DEL", "CHECK", "GC", "STATUS", "VERSION"];
/** Spec codes, ours, and not 999: that is an error that nobody thought of. */
const CODES = [1, 4, 5, 6, 7, 50, 100];

/** Returns what is wrong with an answer, or undefined. */
export function faultOf(
	verb: string,
	input: string,
	{ code, out }: { readonly code: number; readonly out: string },
): string | undefined {
	if (code === 0) {
		if (verb === "VERSION")
			return Array.isArray(JSON.parse(out).supportedVersions) ? undefined : out;
		if (verb !== "ADD") return out === "" ? undefined : `${verb} said ${out}`;
		JSON.parse(out);
		const result = out.trimEnd();
		// the result as it was written, byte for byte, but for the version if it had none
		const rest = result.replace(/^\{"cniVersion":"[\d.]+",?/, "{");
		return input.includes(result) || input.includes(rest) ? undefined : out;
	}
	if (code !== 1) return `exit code ${code}`;
	const error = JSON.parse(out);
	if (!CODES.includes(error.code)) return out;
	if (typeof error.msg !== "string" || error.msg === "") return out;
	return out.trimEnd().includes("\n") ? "more than one line" : undefined;
}
