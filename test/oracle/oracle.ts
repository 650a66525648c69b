// The programs that read a directory in earnest, asked what they would call. They are
// built by test/support/runtimes/setup.sh; test/oracle/cni says how.

import { spawn } from "node:child_process";
import { tool } from "../support/runtimes/tools.ts";
import type { Directory } from "./directories.ts";

/** What a program loads, or why it loads nothing. */
export interface Loaded {
	readonly error?: string;
	readonly name?: string;
	readonly plugins?: readonly {
		readonly type: string;
		readonly capabilities?: Readonly<Record<string, boolean>>;
		readonly on?: string;
	}[];
	/** What Multus calls, if it is the first plugin. */
	readonly delegate?: Loaded;
}

/** Asks all programs about these directories, in one process. */
export async function ask(
	directories: readonly Directory[],
): Promise<Loaded[]> {
	const child = spawn(tool("oracle-cni/cni"), [], {
		stdio: ["pipe", "pipe", "pipe"],
	});
	let out = "";
	let err = "";
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		out += text;
	});
	child.stderr.setEncoding("utf8").on("data", (text: string) => {
		err = (err + text).slice(-4000);
	});
	for (const { confDir, binDir, runtime, defaultNetwork } of directories)
		child.stdin.write(
			`${JSON.stringify({ confDir, binDirs: [binDir], runtime, defaultNetwork })}\n`,
		);
	child.stdin.end();
	const code = await new Promise((resolve) => child.once("close", resolve));
	const answers = out.split("\n").filter((line) => line !== "");
	if (code !== 0 || answers.length !== directories.length)
		throw new Error(
			`the oracle ended with ${code} after ${answers.length} answers: ${err}`,
		);
	return answers.map((line) => JSON.parse(line));
}
