// A pod with a hostPort is deleted and its successor uses the node's network:
// no second ADD ever comes, so DEL alone must set the clients free. Upstream
// portmap leaves them pointing at the dead pod for good
// (containernetworking/plugins#1190).

import { beforeAll, describe, expect, test } from "vitest";
import { RETIRE_SECONDS } from "../support/conflist.ts";
import {
	ALL_CLIENTS,
	attachment,
	clientIds,
	HOST_PORT,
	KINDS,
} from "../support/scene.ts";
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
	/** From the return of DEL to the last client's arrival at the node. */
	readonly boundMs: number;
}

const ROWS: readonly Row[] = [
	{
		name: "single",
		arrangement: "single",
		boundMs: RETIRE_SECONDS * 1000 + WITHIN_MS,
	},
	{ name: "split", arrangement: "split", boundMs: WITHIN_MS },
	{
		name: "single, cniVersion 0.3.1",
		arrangement: "single",
		cniVersion: "0.3.1",
		boundMs: RETIRE_SECONDS * 1000 + WITHIN_MS,
	},
	{
		name: "split, cniVersion 0.3.1",
		arrangement: "split",
		cniVersion: "0.3.1",
		boundMs: WITHIN_MS,
	},
];

const stage = forTests(createBusyStage);

describe.each(ROWS)("pod moves to hostNetwork: $name", (row) => {
	const toPod: Round[] = [];
	const toNode: Round[] = [];
	let broken: string[] = [];

	beforeAll(
		async () => {
			const chain = chainFor(stage.topology, row);
			for (let n = 1; n <= REPEAT_SLOW; n++) {
				const [sandbox] = stage.turns;
				const pod = attachment(sandbox, mappings(row.protocols));
				const added = await chain.add(pod);
				toPod.push(
					await stage.ledger.recovery(
						sandbox.receiver,
						ALL_CLIENTS,
						added.at(-1)?.endedAt ?? 0,
						WITHIN_MS,
					),
				);
				const deleted = await chain.del(pod);
				await stage.node.listen({
					name: "node",
					host: "::",
					port: HOST_PORT,
					answers: "never",
				});
				toNode.push(
					await stage.ledger.recovery(
						"node",
						ALL_CLIENTS,
						deleted.at(-1)?.endedAt ?? 0,
						row.boundMs,
					),
				);
				await stage.node.close("node");
			}
			broken = await stage.healthy.broken();
			report(`pod moves to hostNetwork: ${row.name}`, toNode);
		},
		30_000 + REPEAT_SLOW * 10_000,
	);

	test.each(KINDS)(
		`all 64 reach the node within ${row.boundMs} ms of DEL: $name`,
		(kind) => {
			expect(lateOf(toNode, clientIds(kind))).toEqual([]);
			expect(toNode).toHaveLength(REPEAT_SLOW);
		},
	);

	test.each(KINDS)(
		"all 64 reach the pod within 1 s when it comes back: $name",
		(kind) => {
			expect(lateOf(toPod, clientIds(kind))).toEqual([]);
			expect(toPod).toHaveLength(REPEAT_SLOW);
		},
	);

	test("healthy flows keep their entries", () => {
		expect(broken).toEqual([]);
	});
});
