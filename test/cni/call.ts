// Runs the executable as a runtime does, and says what came of it.

import { type Ran, run } from "../support/exec.ts";

export const EXECUTABLE = `${process.cwd()}/build/out/conntrack-flush`;
/** Leads into an empty network namespace: the host's own table is not ours to touch. */
export const UNSHARE = ["/usr/bin/unshare", "-n"];

export const ENV: Readonly<Record<string, string>> = {
	CNI_CONTAINERID: "4f2e",
	CNI_IFNAME: "eth0",
	CNI_NETNS: "/run/netns/none",
	CNI_PATH: "/opt/cni/bin",
};

export interface CallOptions {
	/** Variables besides CNI_COMMAND. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** The executable, by whatever leads to it. */
	readonly argv?: readonly string[];
	/** An open file for its standard input. */
	readonly stdin?: number;
}

export function call(
	command: string,
	input: string | Uint8Array,
	{ env = ENV, argv = [...UNSHARE, EXECUTABLE], stdin }: CallOptions = {},
): Promise<Ran> {
	return run(argv, {
		env: { CNI_COMMAND: command, ...env },
		input,
		...(stdin !== undefined && { stdin }),
		timeoutMs: 20_000,
	});
}

/** Returns `ok`, or the code of the error object. Throws if stdout is not what the spec asks. */
export function outcome(
	command: string,
	{ code, signal, stdout }: Ran,
): string {
	if (signal !== null) throw new Error(`ended by ${signal}`);
	if (code === 0) {
		const wantsDocument = command === "ADD" || command === "VERSION";
		if (wantsDocument !== stdout.length > 0)
			throw new Error(`stdout: ${stdout}`);
		if (wantsDocument) JSON.parse(stdout);
		return "ok";
	}
	// one document, or JSON.parse throws
	const error: unknown = JSON.parse(stdout);
	if (code !== 1 || typeof error !== "object" || error === null)
		throw new Error(`exit ${code}: ${stdout}`);
	const { cniVersion, code: cniCode, msg } = error as Record<string, unknown>;
	if (typeof cniVersion !== "string" || typeof msg !== "string" || msg === "")
		throw new Error(`not an error object: ${stdout}`);
	return String(cniCode);
}
