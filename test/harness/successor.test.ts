// The successor is added before its predecessor's DEL, as after a forced
// deletion: until DEL portmap's older rule wins, so the successor's ADD cannot
// help, and DEL must hand the clients over.

import { beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../support/clock.ts";
import { RETIRE_SECONDS } from "../support/conflist.ts";
import { ALL_CLIENTS, attachment, clientIds, KINDS } from "../support/scene.ts";
import {
	type ChainFor,
	chainFor,
	createBusyStage,
	forTests,
	lateOf,
	mappings,
	REPEAT_SLOW,
	type Round,
	report,
	WITHIN_MS,
} from "./setup.ts";

interface Row extends ChainFor {
	readonly name: string;
	/** From the return of DEL to the last client's arrival at the successor. */
	readonly boundMs: number;
}

const ROWS: readonly Row[] = [
	{
		name: "single",
		arrangement: "single",
		boundMs: RETIRE_SECONDS * 1000 + WITHIN_MS,
	},
	{
		name: "split",
		arrangement: "split",
		protocols: ["udp", "tcp"],
		boundMs: WITHIN_MS,
	},
];

const stage = forTests(createBusyStage);

describe.each(ROWS)("successor added before DEL: $name", (row) => {
	const rounds: Round[] = [];
	let broken: string[] = [];

	beforeAll(
		async () => {
			const chain = chainFor(stage.topology, row);
			let pod = attachment(stage.turns[0], mappings(row.protocols));
			await chain.add(pod);
			for (let n = 1; n <= REPEAT_SLOW; n++) {
				await sleep(200); // every client has an entry toward the pod
				const sandbox = stage.turns[n % 2 === 0 ? 0 : 1];
				const successor = attachment(sandbox, mappings(row.protocols));
				await chain.add(successor);
				await sleep(200); // and has it again, in spite of the flush
				const deleted = await chain.del(pod);
				rounds.push(
					await stage.ledger.recovery(
						sandbox.receiver,
						ALL_CLIENTS,
						deleted.at(-1)?.endedAt ?? 0,
						row.boundMs,
					),
				);
				pod = successor;
			}
			await chain.del(pod);
			broken = await stage.healthy.broken();
			report(`successor added before DEL: ${row.name}`, rounds);
		},
		30_000 + REPEAT_SLOW * 10_000,
	);

	test.each(KINDS)(
		`all 64 reach the successor within ${row.boundMs} ms of DEL: $name`,
		(kind) => {
			expect(lateOf(rounds, clientIds(kind))).toEqual([]);
			expect(rounds).toHaveLength(REPEAT_SLOW);
		},
	);

	test("healthy flows keep their entries", () => {
		expect(broken).toEqual([]);
	});
});
