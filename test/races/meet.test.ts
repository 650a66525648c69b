// Two packets that begin flows on two CPUs at the same moment, on this kernel and behind the
// real bridge plugin. What is expected is the same as in the booted kernels.

import { afterEach, beforeAll, expect, test } from "vitest";
import { must, run } from "../support/exec.ts";
import { concerns, PAIRS, RACES, unmet } from "../support/races.ts";
import { checkRequirements } from "../support/requirements.ts";
import { undoAll } from "../support/undo.ts";
import { compilePairs, EXECUTABLE, meet } from "./meeting.ts";

let pairs: string;
beforeAll(async () => {
	checkRequirements();
	pairs = await compilePairs();
});
afterEach(undoAll);

test.each(RACES.map((race) => [race.name, race] as const))(
	`${PAIRS} pairs: %s`,
	async (_, race) => {
		const { counts, node } = await meet(race, pairs);
		expect({ counts, failed: unmet(race, counts) }).toEqual({
			counts,
			failed: [],
		});
		// it fails because this node has no conflist
		const { stdout } = await run(node.inside([EXECUTABLE, "doctor"]));
		expect(stdout).toContain(race.says);
		expect(stdout).toContain(concerns(race));
		const shown = await must(node.inside([EXECUTABLE, "stats"]));
		expect(shown.match(/^\w+(?=: )/gm) ?? []).toEqual(
			race.explained ? [race.explained] : [],
		);
	},
);
