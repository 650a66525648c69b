// Instructions that a program runs in user space, counted by valgrind: the same
// on every run, and nearly the same on every machine of one architecture,
// unlike time.

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../support/exec.ts";
import type { Contender } from "./contenders.ts";

export async function instructions(
	valgrind: string,
	namespace: string,
	{ argv, env, stdin }: Contender,
): Promise<number> {
	// nobody reads it, but it must not be a device
	const dir = mkdtempSync(join(tmpdir(), "callgrind-"));
	const out = `--callgrind-out-file=${dir}/out`;
	const tool = [valgrind, "--tool=callgrind", out];
	const { code, stderr } = await run(
		["ip", "netns", "exec", namespace, ...tool, ...argv],
		{
			env: { PATH: process.env.PATH, ...env },
			input: stdin === undefined ? "" : readFileSync(stdin, "utf8"),
			timeoutMs: 0,
		},
	).finally(() => rmSync(dir, { recursive: true }));
	const counted = /Collected : (\d+)/.exec(stderr)?.[1];
	const whole = code === 0 && !stderr.includes("gave up after");
	if (!whole || counted === undefined) {
		throw new Error(
			`${argv.join(" ")} under valgrind: exit ${code}: ${stderr}`,
		);
	}
	return Number(counted);
}
