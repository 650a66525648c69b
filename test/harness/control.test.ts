// The other side of the coin: with nobody to flush, the clients stay lost. If
// these tests fail, the others prove nothing.

import { beforeAll, describe, expect, test } from "vitest";
import { sleep } from "../support/clock.ts";
import {
	ALL_CLIENTS,
	attachment,
	CLIENTS,
	clientIds,
	HOST_PORT,
	KINDS,
} from "../support/scene.ts";
import {
	chainFor,
	createBusyStage,
	forTests,
	mappings,
	type Round,
	WITHIN_MS,
} from "./setup.ts";

const stage = forTests(createBusyStage);

/** The clients of the kind that were late. */
function lost(round: Round | undefined, ids: readonly number[]): number {
	return round?.late.filter(({ id }) => ids.includes(id)).length ?? 0;
}

describe("portmap's rules and no flush: pod replaced", () => {
	let round: Round | undefined;
	beforeAll(async () => {
		const chain = chainFor(stage.topology, { arrangement: "without" });
		const [before, after] = stage.turns;
		const pod = attachment(before, mappings());
		await chain.add(pod);
		await sleep(200);
		await chain.del(pod);
		const successor = attachment(after, mappings());
		const added = await chain.add(successor);
		round = await stage.ledger.recovery(
			after.receiver,
			ALL_CLIENTS,
			added.at(-1)?.endedAt ?? 0,
			WITHIN_MS,
		);
		await chain.del(successor);
	}, 30_000);

	test.each(KINDS)("all 64 stay lost: $name", (kind) => {
		expect(lost(round, clientIds(kind))).toBe(CLIENTS);
	});
});

describe("portmap with its own flush: pod moves to hostNetwork", () => {
	let round: Round | undefined;
	beforeAll(async () => {
		const chain = chainFor(stage.topology, {
			arrangement: "without",
			ownFlush: true,
		});
		const [sandbox] = stage.turns;
		const pod = attachment(sandbox, mappings());
		await chain.add(pod);
		await sleep(200);
		const deleted = await chain.del(pod);
		await stage.node.listen({
			name: "node",
			host: "::",
			port: HOST_PORT,
			answers: "never",
		});
		round = await stage.ledger.recovery(
			"node",
			ALL_CLIENTS,
			deleted.at(-1)?.endedAt ?? 0,
			3 * WITHIN_MS,
		);
	}, 30_000);

	test.each(KINDS)("all 64 stay lost: $name", (kind) => {
		expect(lost(round, clientIds(kind))).toBe(CLIENTS);
	});
});
