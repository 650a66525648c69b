// A large table is listed, and counted, in the memory of a small one.

import { afterAll, beforeAll, expect, test } from "vitest";
import { must, quietly, run } from "../support/exec.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { onEnd, undoAll } from "../support/undo.ts";

const SMALL = 2_000;
const LARGE = 200_000;
/** The filler works in namespaces of this name only. */
const NS = `cfbench-${process.pid}-cli`;
const FILL = "build/out/fill";

beforeAll(async () => {
	await must(["cc", "-O2", "-o", FILL, "test/bench/floor/fill.c"]);
	onEnd(() => quietly(["ip", "netns", "del", NS]));
	await must(["ip", "netns", "add", NS]);
	onEnd(() => quietly([FILL, NS, "empty"]));
});
afterAll(undoAll);

interface Listing {
	readonly rows: number;
	/** The peak of the memory, in busybox's unit. */
	readonly memory: number;
}

async function type(...words: readonly string[]): Promise<Listing> {
	const exe = `${OUR_BIN}/conntrack-flush`;
	const { code, stdout, stderr } = await run(
		[
			"ip",
			"netns",
			"exec",
			NS,
			"sh",
			"-c",
			'busybox time -v "$@" | wc -l',
			"sh",
			exe,
			...words,
		],
		{ timeoutMs: 110_000 },
	);
	expect(code, stderr).toBe(0);
	const [, memory] =
		/Maximum resident set size \(kbytes\): (\d+)/.exec(stderr) ?? [];
	return { rows: Number(stdout), memory: Number(memory) };
}

test("a hundred times the entries", async () => {
	await must([FILL, NS, "table", "0", String(SMALL)]);
	const small = await type("list", "--all", "-o", "jsonl");
	const few = await type("top");
	await must([FILL, NS, "table", String(SMALL), String(LARGE)]);
	const table = await type("list", "--all", "-o", "table");
	const many = await type("top");
	expect(small.memory).toBeGreaterThan(0);
	expect(table.rows).toBeGreaterThan(50 * small.rows);
	expect(table.memory).toBeLessThan(1.25 * small.memory);
	expect(few.memory).toBeGreaterThan(0);
	expect(many.memory).toBeLessThan(1.25 * few.memory);
});
