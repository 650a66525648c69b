// A large table is listed, and counted, in the memory of a small one.

import { afterAll, beforeAll, expect, test } from "vitest";
import { must, quietly, run } from "../support/exec.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { onEnd, undoAll } from "../support/undo.ts";

const SMALL = 2_000;
const LARGE = 200_000;
/** It is more than `top` reads. */
const LARGER = 240_000;
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

const EXE = `${OUR_BIN}/conntrack-flush`;
const INSIDE = ["ip", "netns", "exec", NS];

async function type(...words: readonly string[]): Promise<Listing> {
	const { code, stdout, stderr } = await run(
		[
			...INSIDE,
			"sh",
			"-c",
			'busybox time -v "$@" | wc -l',
			"sh",
			EXE,
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

/** Returns the shares of the protocols and their states, in percent. */
async function sharesIn(...words: readonly string[]) {
	const json = await must([...INSIDE, EXE, "top", "-o", "json", ...words]);
	const { entries, counted, sampled, protocols } = JSON.parse(json);
	const shares = protocols.map((row: ProtocolShare) => [
		`${row.proto} ${row.state}`,
		(100 * row.entries) / counted,
	]);
	return { entries, counted, sampled, shares: Object.fromEntries(shares) };
}

interface ProtocolShare {
	readonly proto: string;
	readonly state: string;
	readonly entries: number;
}

test("the beginning of a table is a fair sample of it", async () => {
	await must([FILL, NS, "table", String(LARGE), String(LARGER)]);
	const exact = await sharesIn("--exact");
	const sample = await sharesIn();
	expect(exact).toMatchObject({ entries: LARGER, counted: LARGER });
	expect(exact.sampled).toBeUndefined();
	expect(sample.entries).toBe(LARGER);
	expect(sample.sampled).toBeGreaterThanOrEqual(LARGE);
	expect(sample.sampled).toBeLessThan(LARGER);
	expect(Object.keys(exact.shares).length).toBeGreaterThan(1);
	for (const [name, share] of Object.entries(exact.shares))
		expect(Math.abs(sample.shares[name] - Number(share)), name).toBeLessThan(
			0.3,
		);
});
