// Random bursts on a live table: verbs of many pods start, join and are killed at random
// moments. When all that were killed have been called again, the table has exactly the
// entries that the predicate keeps.
//
// BURST_ROUNDS says how many rounds are played, BURST_SEED which.

import { existsSync, readdirSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { queueDir } from "../../src/state/turn.ts";
import { sleep } from "../support/clock.ts";
import { type Flow, flowOf } from "../support/flow.ts";
import { type Random, random } from "../support/random.ts";
import {
	begin,
	createNode,
	entriesOf,
	expected,
	type Kind,
	lineOf,
	ownOf,
	PODS,
	resetNode,
	staleOf,
} from "./burst.scene.ts";
import type { World } from "./model.world.ts";

const ROUNDS = Number(process.env.BURST_ROUNDS ?? 20);
const SEED = Number(process.env.BURST_SEED ?? 20_261_130);
/** A pass takes some milliseconds, and verbs have to meet in one. */
const SPREAD_MS = 60;
/** Entries of others, so that a pass has something to walk. */
const BESIDE: readonly Flow[] = Array.from({ length: 4000 }, (_, i) =>
	flowOf({
		sport: 10_000 + (i % 2000),
		dst: `198.51.100.${1 + Math.floor(i / 2000)}`,
		replySrc: `198.51.100.${1 + Math.floor(i / 2000)}`,
		dport: 53,
		replySport: 53,
	}),
);

let world: World;
beforeAll(async () => {
	world = await createNode();
});

/** What is to happen to a pod in a round. */
interface Move {
	readonly pod: number;
	readonly kind: Kind;
	readonly afterMs: number;
	/** It is killed so long after it was started. */
	readonly killMs: number | undefined;
}

const movesOf = (r: Random, alive: ReadonlySet<number>): Move[] =>
	Array.from({ length: PODS }, (_, pod) => pod)
		.filter(() => r.chance(0.8))
		.map((pod) => ({
			pod,
			kind: alive.has(pod)
				? r.pick(["DEL", "DEL that retires", "CHECK"] as const)
				: "ADD",
			afterMs: r.below(SPREAD_MS),
			killMs: r.chance(0.3) ? r.below(SPREAD_MS) : undefined,
		}));

/** Returns the code and the line of the verb, or undefined if it was killed. */
async function play(move: Move): Promise<Record<string, string> | undefined> {
	await sleep(move.afterMs);
	const { child, ran } = begin(world, move.kind, move.pod);
	if (move.killMs !== undefined)
		void sleep(move.killMs).then(() => child.kill("SIGKILL"));
	const done = await ran;
	if (done.signal !== null) return undefined;
	// CHECK fails if there are entries that keep traffic from the pod
	expect(done.code, done.stderr).toBe(move.kind === "CHECK" ? 1 : 0);
	return lineOf(done);
}

test(`${ROUNDS} rounds, seed ${SEED}`, { timeout: 3_600_000 }, async () => {
	const r = random(SEED);
	const count = { verbs: 0, killed: 0, shared: 0 };
	const alive = new Set<number>();
	for (let round = 0; round < ROUNDS; round++) {
		await resetNode(
			world,
			[...alive],
			[
				...BESIDE,
				...Array.from({ length: PODS }, (_, pod) => pod).flatMap((pod) => [
					...ownOf(pod),
					...staleOf(pod),
				]),
			],
		);
		const moves = movesOf(r, alive);
		const killed: Move[] = [];
		await Promise.all(
			moves.map(async (move) => {
				count.verbs++;
				const line = await play(move);
				if (line === undefined) killed.push(move);
				else if (line.shared !== undefined) count.shared++;
			}),
		);
		count.killed += killed.length;
		// the runtime calls again what did not return, at once too
		await Promise.all(killed.map((m) => play({ ...m, killMs: undefined })));

		const retired: Flow[] = [];
		const stay: Flow[] = [...BESIDE];
		for (let pod = 0; pod < PODS; pod++) {
			const kind = moves.find((m) => m.pod === pod)?.kind;
			if (kind !== "ADD") stay.push(...staleOf(pod));
			if (kind === "DEL that retires") retired.push(...ownOf(pod));
			else if (kind !== "DEL") stay.push(...ownOf(pod));
			if (kind === "ADD") alive.add(pod);
			else if (kind?.startsWith("DEL")) alive.delete(pod);
		}
		expect(await entriesOf(world), `round ${round}`).toEqual(
			expected(stay, retired),
		);
		const dir = queueDir(world.dataDir);
		// what was written by or for one that was killed lies there until the next burst
		const waiting = existsSync(dir) ? readdirSync(dir) : [];
		expect(waiting.filter((name) => !/\.(answer|new)/.test(name))).toEqual([]);
		const records = readdirSync(world.dataDir).filter((n) =>
			n.endsWith(".json"),
		);
		expect(records).toHaveLength(alive.size);
	}
	console.log(
		`${ROUNDS} rounds: ${count.verbs} verbs, ${count.killed} killed, ${count.shared} in a shared pass`,
	);
	expect(count.killed).toBeGreaterThan(ROUNDS / 2);
	expect(count.shared).toBeGreaterThan(ROUNDS);
});
