// The one place that starts a process: to its end, or for as long as the tests last.
// No shell, no retries. The processes of ours that take orders are worker.ts's.

import {
	type ChildProcess,
	execFileSync,
	type SpawnOptions,
	spawn,
} from "node:child_process";
import { now } from "./clock.ts";
import { onEnd } from "./undo.ts";

export interface Ran {
	/** -1 if a signal ended it. */
	readonly code: number;
	readonly signal: NodeJS.Signals | null;
	readonly stdout: string;
	readonly stderr: string;
	readonly ms: number;
	/** When it had exited and its pipes were closed, on the clock of clock.ts. */
	readonly endedAt: number;
}

export interface RunOptions {
	readonly input?: string | Uint8Array | undefined;
	/** An open file that is its standard input, in place of `input`. */
	readonly stdin?: number;
	/** The whole environment, not an addition to ours. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	readonly cwd?: string;
	/** It is killed after so long; 0: never. */
	readonly timeoutMs?: number;
}

/** Starts a command and waits for nothing. If it is still there when the tests end, it is killed. */
export function start(
	argv: readonly string[],
	options: SpawnOptions = {},
): ChildProcess {
	const [file = "", ...args] = argv;
	const child = spawn(file, args, options);
	const kill = onEnd(() => child.kill("SIGKILL"));
	// a signal to a process that has ended reaches nobody
	child.once("exit", kill);
	child.once("error", kill);
	return child;
}

/** Resolves with whatever a process did, as far as its outputs are pipes of ours; rejects only if it could not be started. */
export function ended(child: ChildProcess, started = now()): Promise<Ran> {
	const stdout: Buffer[] = [];
	const stderr: Buffer[] = [];
	child.stdout?.on("data", (b: Buffer) => stdout.push(b));
	child.stderr?.on("data", (b: Buffer) => stderr.push(b));
	return new Promise((resolve, reject) => {
		child.on("error", reject);
		child.on("close", (code, signal) => {
			const endedAt = now();
			resolve({
				code: code ?? -1,
				signal,
				stdout: Buffer.concat(stdout).toString(),
				stderr: Buffer.concat(stderr).toString(),
				ms: endedAt - started,
				endedAt,
			});
		});
	});
}

/** Resolves with whatever the command did; rejects only if it could not be started. */
export function run(
	argv: readonly string[],
	options: RunOptions = {},
): Promise<Ran> {
	const started = now();
	const child = start(argv, {
		stdio: [options.stdin ?? "pipe", "pipe", "pipe"],
		env: options.env ?? process.env,
		cwd: options.cwd,
		timeout: options.timeoutMs ?? 60_000,
		killSignal: "SIGKILL",
	});
	child.stdin?.on("error", () => {}); // EPIPE: it did not want its input
	child.stdin?.end(options.input ?? "");
	return ended(child, started);
}

/** Like run, but a failure of the command is an error that tells what it said. */
export async function must(
	argv: readonly string[],
	options: RunOptions = {},
): Promise<string> {
	const { code, signal, stdout, stderr } = await run(argv, options);
	if (code !== 0)
		throw new Error(
			`${argv.join(" ")}: exit ${signal ?? code}: ${stderr.trim() || stdout.trim()}`,
		);
	return stdout;
}

/** Like must, for callers that cannot wait: while tests are collected, and at our own end. */
export function mustSync(argv: readonly string[], timeoutMs = 60_000): string {
	const [file = "", ...args] = argv;
	return execFileSync(file, args, {
		encoding: "utf8",
		// what it says about a failure is in the error
		stdio: "pipe",
		timeout: timeoutMs,
		killSignal: "SIGKILL",
	});
}

/** For clean-up: waits, says nothing, never throws. */
export function quietly(argv: readonly string[], timeoutMs = 10_000): void {
	const [file = "", ...args] = argv;
	try {
		execFileSync(file, args, { stdio: "ignore", timeout: timeoutMs });
	} catch {
		// already gone, or never came to be
	}
}
