// Damaged dumps in the executable's engine: the probe, which is the same host
// and the same library, reads each as Node does, to the last byte, and neither
// crashes nor hangs.

import { expect, test } from "vitest";
import { probe, scratch } from "../conformance/run.ts";
import { toHex } from "../support/entries.ts";
import { ended } from "../support/exec.ts";
import { damagedDump, faultOfScan, hintOf, Tally } from "./dumps.ts";
import { FOR_SECONDS, forSeconds, SECONDS, SEED } from "./mutate.ts";
import { type Scanned, scanDump } from "./scan.ts";

/** Dumps to one process: many, and so few that a hang is noticed soon. */
const BATCH = 400;
const HANG_MS = 60_000;

async function scanInEngine(
	dumps: readonly Uint8Array[],
	outcomes: string,
): Promise<{ readonly results: readonly Scanned[]; readonly died: string }> {
	const child = probe("native", [["scanLines"]], [outcomes], {
		timeout: HANG_MS,
		killSignal: "SIGKILL",
	});
	child.stdin?.on("error", () => {}); // it died; its end tells how
	child.stdin?.end(dumps.map((bytes) => `${toHex(bytes)}\n`).join(""));
	const { code, signal, stdout, stderr } = await ended(child);
	const lines = stdout.split("\n").slice(0, -1);
	return {
		results: lines.map((line) => JSON.parse(line)),
		died: `${signal ?? code} ${stderr}`,
	};
}

test("the engine reads damaged dumps as Node does", FOR_SECONDS, async () => {
	const tally = new Tally();
	const outcomes = `${scratch()}/outcomes`;
	let first = SEED;
	await forSeconds(SECONDS, async () => {
		const seeds = Array.from({ length: BATCH }, (_, n) => first + n);
		first += BATCH;
		const dumps = seeds.map(damagedDump);
		const { results, died } = await scanInEngine(dumps, outcomes);
		for (const [n, bytes] of dumps.entries()) {
			const got = results[n];
			const hint = hintOf(seeds[n] ?? 0, bytes);
			if (!got) expect.fail(`ended before this: ${died}\n${hint}`);
			const fault = faultOfScan(bytes, got);
			if (fault) expect.fail(`${fault}\n${hint}`);
			expect(got, hint).toEqual(await scanDump(bytes));
			tally.add(got);
		}
	});
	console.log(`seed ${SEED}: in the engine ${tally}`);
	expect(Math.min(tally.read, tally.refused, tally.found)).toBeGreaterThan(0);
});
