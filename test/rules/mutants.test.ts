// A test of the accuracy test: an evaluator with a fault must not pass it. Each fault is
// put into a copy of the sources, and the rounds of the short run must find it.

import { expect, onTestFinished, test } from "vitest";
import { type Judge, startJudges } from "../support/rules/judge.ts";
import { type Edit, mutant } from "../support/rules/mutant.ts";
import { judgeRound, playRound } from "../support/rules/round.ts";
import { createWorld } from "../support/rules/world.ts";
import { SHORT } from "./accuracy.plan.ts";

const FAULTS: Readonly<Record<string, readonly Edit[]>> = {
	"a short load leaves the rest of its register as it was": [
		["rules/registers.ts", "this.#bytes.fill(0, to, end);", ""],
	],
	"a goto comes back": [
		[
			"rules/chain.ts",
			'if (v.is === "goto") ends.falls = true;\n\t\t\telse ends.goesOn = true;',
			"ends.goesOn = true;",
		],
	],
	"a return does nothing": [
		[
			"rules/chain.ts",
			'case "return":\n\t\t\tends.falls = true;',
			'case "return":\n\t\t\tends.goesOn = true;',
		],
	],
	"the end of an interval is inside": [
		[
			"rules/lookup.ts",
			"compareBytes(e.key, key) > 0",
			"compareBytes(e.key, key) >= (e.isEnd ? 0 : 1)",
		],
	],
	"the inversion of a lookup is ignored": [
		["rules/chain.ts", "step.isInverted", "false"],
	],
	"the inversion of a port's match is ignored": [
		[
			"rules/xtables.ts",
			"(dport >= min && dport <= max) === isInverted",
			"!(dport >= min && dport <= max)",
		],
	],
	"the priorities are read backwards": [
		["rules/evaluate.ts", "a - b", "b - a"],
	],
	"of chains with equal priorities one alone counts": [
		["rules/evaluate.ts", "base.priority) ?? []), base", "-1) ?? []), base"],
	],
	"an accept ends all base chains": [
		[
			"rules/evaluate.ts",
			"if (!ends.accepts && (",
			"if (ends.accepts) add({ is: 'none' });\n\t\t\tif ((",
		],
	],
	"what the node sends passes prerouting": [
		[
			"rules/evaluate.ts",
			'p.isSentByNode ? "output" : "prerouting"',
			'"prerouting"',
		],
	],
};

test("the short run finds every fault", { timeout: 300_000 }, async () => {
	const world = await createWorld();
	onTestFinished(() => world.end());
	const trees = Object.values(FAULTS).map((edits) => mutant(edits));
	const judges = await startJudges(world, trees);
	onTestFinished(() => judges.end());
	const left = new Map(
		Object.keys(FAULTS).map((name, i) => [name, judges.all[i] as Judge]),
	);
	for (const { seed, backends } of SHORT) {
		if (left.size === 0) break;
		const round = await playRound(world, seed, backends);
		for (const [name, judge] of left) {
			const { wrong } = await judgeRound(round, judge);
			if (wrong.length > 0) left.delete(name);
		}
	}
	expect([...left.keys()]).toEqual([]);
});
