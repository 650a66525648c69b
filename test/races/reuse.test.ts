// A DEL that the runtime repeats, because the first one failed near its end or
// for no reason at all, when the pod's address has been given to the successor
// or is just being given: the successor keeps its traffic and its entries.

import { beforeAll, describe, expect, test } from "vitest";
import {
	chainFor,
	forTests,
	lateOf,
	type Round,
	report,
} from "../harness/setup.ts";
import { addresses } from "../support/chain.ts";
import { readTable } from "../support/conntrack.ts";
import { must } from "../support/exec.ts";
import { HOST4, HOST6 } from "../support/node.ts";
import { HOST_PORT } from "../support/scene.ts";
import {
	atOnce,
	COMBINATIONS,
	endOf,
	interruptible,
	LOST_MS,
	podIn,
	REPEATED,
	startRacing,
	turnOf,
} from "./setup.ts";

/** Source ports of flows that say one thing, get an answer and are silent then. */
const SILENT = { first: 22_000, count: 40 };

const stage = forTests(startRacing);

describe.each(COMBINATIONS)("$name", (row) => {
	const rounds: Round[] = [];
	/** The addresses of all pods: one of each family for all of them. */
	const given = new Set<string>();
	let kept: [before: string[], after: string[]] = [[], []];

	beforeAll(
		async () => {
			const { between, interrupted } = interruptible();
			const chain = chainFor(stage.topology, {
				...row,
				oneAddress: true,
				async between(step) {
					between(step);
					// who has the address now is not what this is about
					if (step.type === "bridge" && step.verb === "ADD")
						await must(
							stage.topology.node.inside([
								"ip",
								"neigh",
								"flush",
								"dev",
								"cni0",
							]),
						);
				},
			});
			let pod = podIn(turnOf(stage, 0));
			await chain.add(pod);
			for (let n = 1; n <= REPEATED; n++) {
				const sandbox = turnOf(stage, n);
				const [old, successor] = [pod, podIn(sandbox)];
				// the address is free, but the runtime does not know
				await interrupted(() => chain.del(old));
				const [deleted, added] = await atOnce(
					n,
					() => chain.del(old),
					() => chain.add(successor),
				);
				pod = successor;
				for (const address of addresses(chain.result(pod))) given.add(address);
				rounds.push(
					await stage.ledger.recovery(
						sandbox.receiver,
						stage.senders,
						endOf(deleted, added),
						LOST_MS,
					),
				);
			}
			report(`DEL again while ADD takes the address, ${row.name}`, rounds);

			const old = pod;
			await interrupted(() => chain.del(old));
			const successor = podIn(turnOf(stage, REPEATED + 1));
			await chain.add(successor);
			await speakOnce();
			const before = await silentEntries();
			// with its prevResult, twice, and then without
			await interrupted(() => chain.del(old));
			await chain.del(old);
			await chain.del(old);
			const after = await silentEntries();
			await chain.del(successor);
			kept = [
				[...before.keys()],
				[...after]
					.filter(([id, left]) => left <= (before.get(id) ?? 0))
					.filter(([id, left]) => left > (before.get(id) ?? 0) - 60)
					.map(([id]) => id),
			];
		},
		60_000 + REPEATED * 10_000,
	);

	test("every pod had the same address", () => {
		expect(given.size).toBe(2);
	});

	test("a DEL again while ADD takes the address: no sender is lost", () => {
		expect(lateOf(rounds, stage.senders)).toEqual([]);
		expect(rounds).toHaveLength(REPEATED);
	});

	test("a late DEL keeps the successor's entries, with their ids and timers", () => {
		const [before, after] = kept;
		expect(before).toHaveLength(SILENT.count);
		expect(after).toEqual(before);
	});
});

let spoken = 0;

async function speakOnce(): Promise<void> {
	spoken++;
	for (let n = 0; n < SILENT.count; n++)
		await stage.world.once({
			id: 20_000 + n,
			from: { port: SILENT.first + spoken * SILENT.count + n },
			to: { host: n % 2 === 0 ? HOST4 : HOST6, port: HOST_PORT },
			asks: true,
		});
}

/** Seconds left of the entries of those who spoke last, by id. */
async function silentEntries(): Promise<Map<string, number>> {
	const first = SILENT.first + spoken * SILENT.count;
	const table = await readTable(stage.topology.node);
	return new Map(
		table
			.filter(({ orig }) => orig.sport >= first)
			.filter(({ orig }) => orig.sport < first + SILENT.count)
			.map(({ id, timeout }) => [id, timeout]),
	);
}
