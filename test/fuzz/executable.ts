// Calls the executable with bytes that are no text, in 64 MB of address space,
// which is more than it may ever use.

import { spawn } from "node:child_process";
import { callEnv, EXECUTABLE, type World } from "../kernel/model.world.ts";

export interface Answer {
	readonly code: number;
	readonly out: string;
	readonly err: string;
	readonly signal: string | null;
}

const LIMITS = ["prlimit", "--as=67108864", "--core=0"];
/** Far beyond the deadline that a verb sets itself. */
const HANG_MS = 20_000;

export function answer(
	{ ns }: World,
	verb: string,
	input: Uint8Array,
): Promise<Answer> {
	const [file = "", ...args] = [
		...["nsenter", `--net=${ns.path}`, ...LIMITS],
		EXECUTABLE,
	];
	return new Promise((resolve, reject) => {
		const child = spawn(file, args, {
			env: callEnv(verb, "4f2e"),
			timeout: HANG_MS,
			killSignal: "SIGKILL",
		});
		let [out, err] = ["", ""];
		child.stdout.on("data", (b: Buffer) => {
			out += b;
		});
		child.stderr.on("data", (b: Buffer) => {
			err += b;
		});
		child.stdin.on("error", () => {});
		child.on("error", reject);
		child.on("close", (code, signal) =>
			resolve({ code: code ?? -1, out, err, signal }),
		);
		child.stdin.end(input);
	});
}
