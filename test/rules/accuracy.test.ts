// The evaluator against the kernel itself. Flows are made under random rules, the rules
// change, every entry is judged, and the kernel decides anew where the same packets go.
// No healthy entry may be called stale, and no decision may be missing among the outcomes.

import { expect, onTestFinished, test } from "vitest";
import { type Judge, SOURCES, startJudges } from "../support/rules/judge.ts";
import { judgeRound, playRound, type Tally } from "../support/rules/round.ts";
import { createWorld } from "../support/rules/world.ts";
import { ASKED } from "./accuracy.plan.ts";

test("no outcome is missing and no healthy entry is called stale", {
	timeout: 60_000 + 3000 * ASKED.length,
}, async () => {
	const world = await createWorld();
	onTestFinished(() => world.end());
	const judges = await startJudges(world, [SOURCES]);
	onTestFinished(() => judges.end());
	const [judge] = judges.all;
	const total = count();
	/** Entries by the programs of their round, where there is one. */
	const programs = new Map<string, Tally>();
	for (const { seed, backends } of ASKED) {
		const round = await playRound(world, seed, backends);
		const tally = await judgeRound(round, judge as Judge);
		if (tally.wrong.length > 0)
			expect.fail(
				`RULES_SEED=${seed} RULES_ROUNDS=1: ${tally.wrong.length} wrong, the first is\n${tally.wrong[0]}`,
			);
		add(total, tally);
		const [name = "", other] = round.engines;
		if (other !== undefined) continue;
		const own = programs.get(name) ?? count();
		add(own, tally);
		programs.set(name, own);
	}
	console.log(`seed ${ASKED[0]?.seed}, ${ASKED.length} rounds:`, total);
	// an evaluator that is never sure is never wrong
	expect(total.healthy).toBeGreaterThan(200 * ASKED.length);
	expect(total.stale).toBeGreaterThan(25 * ASKED.length);
	expect(total.unknown).toBeLessThan(total.healthy / 10);
	for (const [name, tally] of programs)
		if (!name.startsWith("by hand")) expect(tally.unknown, name).toBe(0);
});

function count(): Tally {
	return {
		healthy: 0,
		stale: 0,
		unknown: 0,
		staleUnknown: 0,
		missed: {},
		wrong: [],
	};
}

function add(total: Tally, more: Tally): void {
	total.healthy += more.healthy;
	total.stale += more.stale;
	total.unknown += more.unknown;
	total.staleUnknown += more.staleUnknown;
	for (const [why, n] of Object.entries(more.missed) as [
		keyof Tally["missed"],
		number,
	][])
		total.missed[why] = (total.missed[why] ?? 0) + n;
}
