// The next pod's ADD runs while the last one's DEL is still in progress, on the
// same hostPort; the two begin in every order. Once both have returned no sender
// is lost.

import { beforeAll, describe, expect, test } from "vitest";
import {
	chainFor,
	forTests,
	lateOf,
	type Round,
	report,
} from "../harness/setup.ts";
import type { Step } from "../support/chain.ts";
import { RETIRE_SECONDS } from "../support/conflist.ts";
import { removeClientEntries } from "../support/scene.ts";
import {
	atOnce,
	COMBINATIONS,
	endOf,
	LOST_MS,
	podIn,
	REPEATED,
	startRacing,
	turnOf,
} from "./setup.ts";

const stage = forTests(startRacing);

/** Rounds for each that is to be judged. */
const MOST = 5;

/** Returns the times at which the plugin's step began and ended. */
function timesOf(steps: readonly Step[], type: string): [number, number] {
	const step = steps.find((s) => s.type === type);
	if (!step) throw new Error(`no step of ${type}`);
	return [step.endedAt - step.ms, step.endedAt];
}

/**
 * The single arrangement cannot help where the ADD's flush comes between its own DEL and
 * portmap's: the old rule still stands, and it is not called again.
 */
function isBetween(deleted: readonly Step[], added: readonly Step[]): boolean {
	const [flushBegan, flushEnded] = timesOf(added, "conntrack-flush");
	const [retireBegan] = timesOf(deleted, "conntrack-flush");
	const [, ruleGone] = timesOf(deleted, "portmap");
	return flushBegan <= ruleGone && flushEnded >= retireBegan;
}

describe.each(COMBINATIONS)("DEL and the next ADD at once, $name", (row) => {
	const isSingle = row.arrangement === "single";
	const boundMs = LOST_MS + (isSingle ? RETIRE_SECONDS * 1000 : 0);
	const rounds: Round[] = [];
	let between = 0;

	beforeAll(
		async () => {
			const chain = chainFor(stage.topology, row);
			let pod = podIn(turnOf(stage, 0));
			await chain.add(pod);
			// those that cannot be judged are made up for
			for (let n = 1; rounds.length < REPEATED && n <= MOST * REPEATED; n++) {
				const sandbox = turnOf(stage, n);
				const [old, successor] = [pod, podIn(sandbox)];
				const [deleted, added] = await atOnce(
					n,
					() => chain.del(old),
					() => chain.add(successor),
				);
				pod = successor;
				if (isSingle && isBetween(deleted, added)) {
					between++;
					await removeClientEntries(stage.topology.node);
					continue;
				}
				rounds.push(
					await stage.ledger.recovery(
						sandbox.receiver,
						stage.senders,
						endOf(deleted, added),
						boundMs,
					),
				);
			}
			await chain.del(pod);
			report(
				`DEL and ADD at once, ${row.name}, and ${between} times between`,
				rounds,
			);
		},
		30_000 + MOST * REPEATED * 10_000,
	);

	test(`all reach the successor within ${boundMs} ms of both`, () => {
		expect(lateOf(rounds, stage.senders)).toEqual([]);
		expect(rounds).toHaveLength(REPEATED);
	});
});
