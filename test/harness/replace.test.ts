// A pod with a hostPort is replaced while 64 clients of every kind send without
// pause: all of them reach the new pod within a second of ADD's return, time
// after time, and no healthy flow loses its entry.

import { beforeAll, describe, expect, test } from "vitest";
import { addresses, type Step } from "../support/chain.ts";
import { sleep } from "../support/clock.ts";
import { readTable } from "../support/conntrack.ts";
import {
	ALL_CLIENTS,
	attachment,
	clientIds,
	countStale,
	HOST_PORT,
	KINDS,
	removeClientEntries,
} from "../support/scene.ts";
import { SERVER4 } from "../support/topology.ts";
import {
	type ChainFor,
	chainFor,
	createBusyStage,
	forTests,
	lateOf,
	mappings,
	REPEAT,
	REPEAT_SLOW,
	type Round,
	report,
	WITHIN_MS,
} from "./setup.ts";

interface Row extends ChainFor {
	readonly name: string;
	/** Pause between the return of DEL and the start of ADD. */
	readonly gapMs: number;
	readonly times?: number;
	/** Before each ADD the clients find a node that has never had the pod. */
	readonly fresh?: boolean;
}

const ROWS: readonly Row[] = [
	{ name: "at once, single", gapMs: 0, arrangement: "single" },
	{ name: "after 200 ms, single", gapMs: 200, arrangement: "single" },
	{ name: "after 2 s, single", gapMs: 2000, arrangement: "single" },
	{
		name: "at once, split",
		gapMs: 0,
		arrangement: "split",
	},
	{
		name: "after 200 ms, split",
		gapMs: 200,
		arrangement: "split",
	},
	{
		// ADD finds what it finds after 200 ms, and the time is dear.
		name: "after 2 s, split",
		gapMs: 2000,
		arrangement: "split",
		times: REPEAT_SLOW,
	},
	{
		name: "clients that began before any pod",
		gapMs: 100,
		arrangement: "single",
		fresh: true,
	},
	{
		name: "cniVersion 0.3.1, DEL without prevResult, single",
		gapMs: 0,
		arrangement: "single",
		cniVersion: "0.3.1",
		times: REPEAT_SLOW,
	},
	{
		name: "cniVersion 0.3.1, DEL without prevResult, split",
		gapMs: 0,
		arrangement: "split",
		cniVersion: "0.3.1",
		times: REPEAT_SLOW,
	},
	{
		name: "runtimeConfig as containerd spells it",
		gapMs: 0,
		arrangement: "single",
		spelling: "containerd",
		protocols: ["udp", "tcp"],
		times: REPEAT_SLOW,
	},
	// Last, because that flush takes the healthy flows away.
	{
		name: "portmap flushes too",
		gapMs: 0,
		arrangement: "single",
		ownFlush: true,
		times: REPEAT_SLOW,
	},
];

const stage = forTests(createBusyStage);

describe.each(ROWS)("pod replaced: $name", (row) => {
	const times = row.times ?? REPEAT;
	let result: Result = { rounds: [], stale: 0, podsOwn: [[], []] };
	let broken: string[] = [];

	beforeAll(
		async () => {
			result = await replace(row, times);
			report(`pod replaced: ${row.name}`, result.rounds);
			broken = row.ownFlush === true ? [] : await stage.healthy.broken();
		},
		30_000 + times * (row.gapMs + 5000),
	);

	test.each(KINDS)(`all 64 within 1 s, ${times} times: $name`, (kind) => {
		expect(lateOf(result.rounds, clientIds(kind))).toEqual([]);
		expect(result.rounds).toHaveLength(times);
	});

	// portmap's own flush takes what is stale before we come, and the healthy too
	if (row.ownFlush !== true) {
		test("there was something to remove", () => {
			const { length } = ALL_CLIENTS;
			expect(result.stale).toBeGreaterThan(row.fresh === true ? length - 1 : 0);
		});

		test("healthy flows keep their entries", () => {
			expect(broken).toEqual([]);
		});
	}

	test("DEL keeps what the pod itself began", () => {
		const [before, after] = result.podsOwn;
		expect(before).toHaveLength(1);
		expect(after).toEqual(before);
	});
});

interface Result {
	readonly rounds: readonly Round[];
	/** Entries of the clients that pointed elsewhere when our ADD was about to run for the first time. */
	readonly stale: number;
	/** Entries of the pod's own flow to a server on the same port, before and after its DEL. */
	readonly podsOwn: readonly [readonly string[], readonly string[]];
}

async function replace(row: Row, times: number): Promise<Result> {
	let stale = 0;
	let look = true;
	const between = async (step: Step): Promise<void> => {
		// Once only: looking takes time in which clients could recover by themselves.
		if (!look || step.verb !== "ADD" || step.type !== "portmap") return;
		look = false;
		stale = await countStale(stage.topology.node, addresses(step.stdout));
	};
	const chain = chainFor(stage.topology, { ...row, between });
	const rounds: Round[] = [];
	const [first] = stage.turns;
	let pod = attachment(first, mappings(row.protocols));
	if (row.fresh !== true) {
		look = false;
		await chain.add(pod);
		await sleep(200);
		look = true;
	}
	for (let n = 1; n <= times; n++) {
		if (row.fresh !== true || n > 1) await chain.del(pod);
		if (row.fresh === true) await removeClientEntries(stage.topology.node);
		if (row.gapMs > 0) await sleep(row.gapMs);
		const sandbox = stage.turns[n % 2 === 0 ? 0 : 1];
		pod = attachment(sandbox, mappings(row.protocols));
		const steps = await chain.add(pod);
		const since = steps.at(-1)?.endedAt ?? 0;
		rounds.push(
			await stage.ledger.recovery(
				sandbox.receiver,
				ALL_CLIENTS,
				since,
				WITHIN_MS,
			),
		);
	}
	// The pod talks to a server on the port, from the port that is published.
	const [podIP = ""] = addresses(chain.result(pod));
	const sandbox = stage.turns[times % 2 === 0 ? 0 : 1];
	await sandbox.station.say(sandbox.receiver, {
		host: SERVER4,
		port: HOST_PORT,
	});
	await sleep(20);
	const ids = async (): Promise<string[]> =>
		(await readTable(stage.topology.node))
			.filter(({ orig }) => orig.src === podIP && orig.dst === SERVER4)
			.map(({ id }) => id);
	const before = await ids();
	await chain.del(pod);
	return { rounds, stale, podsOwn: [before, await ids()] };
}
