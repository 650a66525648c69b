// Runs a command to its end. No shell, no retries.

import { execFileSync, spawn } from "node:child_process";
import { now } from "./clock.ts";

export interface Ran {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
	readonly ms: number;
	/** When it had exited and its pipes were closed, on the clock of clock.ts. */
	readonly endedAt: number;
}

export interface RunOptions {
	readonly input?: string;
	/** The whole environment, not an addition to ours. */
	readonly env?: Readonly<Record<string, string>>;
	readonly timeoutMs?: number;
}

/** Resolves with whatever the command did; rejects only if it could not be started. */
export function run(
	argv: readonly string[],
	options: RunOptions = {},
): Promise<Ran> {
	const [file = "", ...args] = argv;
	const started = now();
	return new Promise((resolve, reject) => {
		const child = spawn(file, args, {
			stdio: ["pipe", "pipe", "pipe"],
			env: options.env ?? process.env,
			timeout: options.timeoutMs ?? 60_000,
			killSignal: "SIGKILL",
		});
		const out: Buffer[] = [];
		const err: Buffer[] = [];
		child.stdout.on("data", (b: Buffer) => out.push(b));
		child.stderr.on("data", (b: Buffer) => err.push(b));
		child.stdin.on("error", () => {}); // EPIPE: it did not want its input
		child.on("error", reject);
		child.on("close", (code) => {
			const endedAt = now();
			resolve({
				code: code ?? -1,
				stdout: Buffer.concat(out).toString(),
				stderr: Buffer.concat(err).toString(),
				ms: endedAt - started,
				endedAt,
			});
		});
		child.stdin.end(options.input ?? "");
	});
}

/** Like run, but a failure of the command is an error that tells what it said. */
export async function must(
	argv: readonly string[],
	options: RunOptions = {},
): Promise<string> {
	const ran = await run(argv, options);
	if (ran.code !== 0) {
		throw new Error(
			`${argv.join(" ")}: exit ${ran.code}: ${ran.stderr.trim() || ran.stdout.trim()}`,
		);
	}
	return ran.stdout;
}

/** For clean-up: waits, says nothing, never throws. */
export function quietly(argv: readonly string[]): void {
	const [file = "", ...args] = argv;
	try {
		execFileSync(file, args, { stdio: "ignore", timeout: 10_000 });
	} catch {
		// Already gone, or never came to be.
	}
}
