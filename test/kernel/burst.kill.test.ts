// Killed anywhere in a burst: whatever system call a verb dies at, while it waits or
// while it serves others, the others finish, nothing is removed that nobody asked for,
// and the call that the runtime makes next does the rest.
//
// BURST_EVERY=1 tries every call; by default each run tries a part of them.

import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { queueDir } from "../../src/state/turn.ts";
import {
	begin,
	createNode,
	enactFor,
	entriesOf,
	expected,
	holdTurn,
	type Kind,
	ownOf,
	type Running,
	resetNode,
	staleOf,
	untilWaiting,
} from "./burst.scene.ts";
import type { World } from "./model.world.ts";

/** One of so many system calls is tried. */
const EVERY = Number(process.env.BURST_EVERY ?? 4);
const TRACE = ["strace", "-f", "-qq", "-o"];

/** The pods of the verbs: the one that is killed, and two others. */
const VICTIM = 0;
const ADDED = 1;
const RETIRED = 2;
/** A pod that nobody asks about. */
const BYSTANDER = 3;

let world: World;
beforeAll(async () => {
	world = await createNode();
});

/** The parts that the verb to be killed may play. */
const ROLES = {
	/** The others wait and are stopped; it has the turn and serves them. */
	leader: async (kind: Kind, before: readonly string[]) => {
		const release = holdTurn(world);
		const others = [
			begin(world, "ADD", ADDED),
			begin(world, "DEL that retires", RETIRED),
		];
		await untilWaiting(world, 2, others);
		for (const { child } of others) child.kill("SIGSTOP");
		release();
		const { code } = await begin(world, kind, VICTIM, before).ran;
		for (const { child } of others) child.kill("SIGCONT");
		return { code, others };
	},
	/** All of them wait, and the first of the others that looks serves. */
	waiter: async (kind: Kind, before: readonly string[]) => {
		const release = holdTurn(world);
		const others = [
			begin(world, "ADD", ADDED),
			begin(world, "DEL that retires", RETIRED),
		];
		const victim = begin(world, kind, VICTIM, before);
		await Promise.race([untilWaiting(world, 3), victim.ran]);
		await untilWaiting(world, 2, others);
		// it looks whether it is served when others have the turn no more
		victim.child.kill("SIGSTOP");
		release();
		for (const { ran } of others) await ran;
		victim.child.kill("SIGCONT");
		const { code } = await victim.ran;
		return { code, others };
	},
} as const;

const reset = (kind: Kind): Promise<void> =>
	resetNode(
		world,
		[RETIRED, BYSTANDER, ...(kind === "ADD" ? [] : [VICTIM])],
		[
			...[VICTIM, ADDED, RETIRED, BYSTANDER].flatMap(ownOf),
			...staleOf(ADDED),
			...(kind === "ADD" ? staleOf(VICTIM) : []),
		],
	);

/** The system calls of the verb in its part: each with how many of its name came before it. */
async function callsOf(
	role: keyof typeof ROLES,
	kind: Kind,
): Promise<[name: string, nth: number][]> {
	await reset(kind);
	const file = join(world.dataDir, "..", `trace-${process.pid}`);
	const { others } = await ROLES[role](kind, [...TRACE, file]);
	await finish(others);
	const text = readFileSync(file, "utf8");
	rmSync(file);
	const seen = new Map<string, number>();
	return [...text.matchAll(/^\d+ +(\w+)\(/gm)].map(([, name = ""]) => {
		const nth = (seen.get(name) ?? 0) + 1;
		seen.set(name, nth);
		return [name, nth];
	});
}

async function finish(others: readonly Running[]): Promise<void> {
	for (const { ran } of others) {
		const { code, stderr } = await ran;
		expect(code, stderr).toBe(0);
		expect(stderr).not.toMatch(/level=(warn|error)/);
	}
}

describe.each<[keyof typeof ROLES, Kind]>([
	["leader", "ADD"],
	["leader", "DEL"],
	["waiter", "ADD"],
	["waiter", "DEL"],
])("a %s, %s, killed at any system call", (role, kind) => {
	test("harms nobody, and nothing is lost", { timeout: 900_000 }, async () => {
		const calls = await callsOf(role, kind);
		const faults: string[] = [];
		let killed = 0;
		for (let i = calls.length % EVERY; i < calls.length; i += EVERY) {
			const [name, nth] = calls[i] ?? expect.fail();
			await reset(kind);
			const inject = `inject=${name}:signal=KILL:when=${nth}`;
			const trace = [...TRACE, "/dev/null", "-e", inject];
			const { code, others } = await ROLES[role](kind, trace);
			if (code !== 0) killed++;
			try {
				await finish(others);
				const stay = [...ownOf(ADDED), ...ownOf(BYSTANDER)];
				const own = ownOf(VICTIM);
				const between = await entriesOf(world);
				const least = expected(
					kind === "ADD" ? [...stay, ...own] : stay,
					ownOf(RETIRED),
				);
				expect(between).toEqual(expect.arrayContaining(least));
				// nothing but the victim's own may be left
				const more = between.filter((n) => !least.includes(n));
				const allowed = expected(kind === "ADD" ? staleOf(VICTIM) : own);
				expect(allowed).toEqual(expect.arrayContaining(more));
				// the runtime calls it again
				const again = await enactFor(world, kind, VICTIM);
				expect(again.code, again.stderr).toBe(0);
				expect(await entriesOf(world)).toEqual(least);
				// what one that died while it wrote has left is swept when it is old
				const queue = readdirSync(queueDir(world.dataDir));
				expect(queue.filter((n) => !n.endsWith(".new"))).toEqual([]);
			} catch (e) {
				const what = e instanceof Error ? e.message : String(e);
				faults.push(`at ${name} ${nth}: ${what}`);
			}
		}
		console.log(`${role} ${kind}: died at ${killed} of ${calls.length} calls`);
		expect(killed).toBeGreaterThan(calls.length / EVERY / 2);
		expect(faults).toEqual([]);
	});
});
