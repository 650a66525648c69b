// A pod is replaced again and again while datagrams come in on both CPUs without
// pause: after ADD there is no sender that does not reach the new pod, and no
// healthy flow that lost its entry. RACES_REPLACEMENTS for more than a few.

import { beforeAll, describe, expect, test } from "vitest";
import {
	chainFor,
	forTests,
	lateOf,
	type Round,
	report,
} from "../harness/setup.ts";
import {
	COMBINATIONS,
	LOST_MS,
	podIn,
	REPLACEMENTS,
	removedIn,
	startRacing,
	turnOf,
} from "./setup.ts";

const stage = forTests(startRacing);

describe.each(COMBINATIONS)("$name", (row) => {
	const rounds: Round[] = [];
	let removed = 0;
	let broken: string[] = [];

	beforeAll(
		async () => {
			const chain = chainFor(stage.topology, row);
			let pod = podIn(turnOf(stage, 0));
			await chain.add(pod);
			for (let n = 1; n <= REPLACEMENTS; n++) {
				const sandbox = turnOf(stage, n);
				removed += removedIn(await chain.del(pod));
				pod = podIn(sandbox);
				const steps = await chain.add(pod);
				removed += removedIn(steps);
				rounds.push(
					await stage.ledger.recovery(
						sandbox.receiver,
						stage.senders,
						steps.at(-1)?.endedAt ?? 0,
						LOST_MS,
					),
				);
			}
			await chain.del(pod);
			broken = await stage.healthy.broken();
			report(`replaced under fire, ${row.name}, ${removed} removed`, rounds);
		},
		30_000 + REPLACEMENTS * 10_000,
	);

	test(`no sender is lost in ${REPLACEMENTS} replacements`, () => {
		expect(lateOf(rounds, stage.senders)).toEqual([]);
		expect(rounds).toHaveLength(REPLACEMENTS);
	});

	test("every replacement left entries to remove", () => {
		expect(removed).toBeGreaterThan(REPLACEMENTS * stage.senders.length);
	});

	test("healthy flows keep their entries", () => {
		expect(broken).toEqual([]);
	});
});
