// Runs the executable as a runtime does, and says what came of it.

import { type SpawnSyncOptions, spawnSync } from "node:child_process";

export const EXECUTABLE = `${process.cwd()}/build/out/conntrack-flush`;
/** In an empty network namespace: the host's own table is not ours to touch. */
export const UNSHARE = ["/usr/bin/unshare", "-n"];

export const ENV: Readonly<Record<string, string>> = {
	CNI_CONTAINERID: "4f2e",
	CNI_IFNAME: "eth0",
	CNI_NETNS: "/run/netns/none",
	CNI_PATH: "/opt/cni/bin",
};

export interface Answer {
	readonly status: number | null;
	readonly signal: string | null;
	readonly stdout: string;
	readonly stderr: string;
}

export function call(
	command: string,
	stdin: string | Uint8Array,
	env: Readonly<Record<string, string | undefined>> = ENV,
	options: SpawnSyncOptions = {},
	argv: readonly string[] = [...UNSHARE, EXECUTABLE],
): Answer {
	const [file = "", ...args] = argv;
	const { status, signal, stdout, stderr } = spawnSync(file, args, {
		env: { CNI_COMMAND: command, ...env } as NodeJS.ProcessEnv,
		input: stdin,
		timeout: 20_000,
		maxBuffer: 64 << 20,
		...options,
	});
	return { status, signal, stdout: String(stdout), stderr: String(stderr) };
}

/** `ok`, or the code of the error object. Throws if stdout is not what the spec asks. */
export function outcome(
	command: string,
	{ status, signal, stdout }: Answer,
): string {
	if (signal !== null) throw new Error(`ended by ${signal}`);
	if (status === 0) {
		const wantsDocument = command === "ADD" || command === "VERSION";
		if (wantsDocument !== stdout.length > 0)
			throw new Error(`stdout: ${stdout}`);
		if (wantsDocument) JSON.parse(stdout);
		return "ok";
	}
	// one document, or JSON.parse throws
	const error: unknown = JSON.parse(stdout);
	if (status !== 1 || typeof error !== "object" || error === null)
		throw new Error(`exit ${status}: ${stdout}`);
	const { cniVersion, code, msg } = error as Record<string, unknown>;
	if (typeof cniVersion !== "string" || typeof msg !== "string" || msg === "")
		throw new Error(`not an error object: ${stdout}`);
	return String(code);
}
