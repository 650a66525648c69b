// Child processes of the benchmark. All of them end when the benchmark does.

import { type ChildProcess, spawn } from "node:child_process";

const running = new Set<ChildProcess>();

export interface Outcome {
	readonly code: number;
	readonly stdout: string;
	readonly stderr: string;
}

export interface ChildOptions {
	readonly input?: string;
	readonly env?: NodeJS.ProcessEnv;
	readonly cwd?: string;
}

/** Runs to the end; the exit code is for the caller to judge. */
export function child(
	argv: readonly string[],
	options: ChildOptions = {},
): Promise<Outcome> {
	const [file = "", ...args] = argv;
	return new Promise((resolve, reject) => {
		const process = spawn(file, args, { env: options.env, cwd: options.cwd });
		running.add(process);
		let stdout = "";
		let stderr = "";
		process.stdout.setEncoding("utf8").on("data", (text: string) => {
			stdout += text;
		});
		process.stderr.setEncoding("utf8").on("data", (text: string) => {
			stderr += text;
		});
		process.on("error", reject);
		process.on("close", (code, signal) => {
			running.delete(process);
			resolve({ code: code ?? (signal ? 128 : 1), stdout, stderr });
		});
		process.stdin.on("error", () => {}); // it need not read what we send
		process.stdin.end(options.input ?? "");
	});
}

/** Runs to the end and must succeed; returns what it printed. */
export async function must(
	argv: readonly string[],
	options: ChildOptions = {},
): Promise<string> {
	const { code, stdout, stderr } = await child(argv, options);
	if (code !== 0)
		throw new Error(`${argv.join(" ")}: exit ${code}: ${stderr.trim()}`);
	return stdout;
}

export function endChildren(): void {
	for (const process of running) process.kill("SIGKILL");
}
