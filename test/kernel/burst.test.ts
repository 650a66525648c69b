// Verbs that come at once: one pass serves all who wait, and what a pass must not do for
// whom. The kernel's table decides.

import {
	existsSync,
	mkdirSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { nodeHost } from "../../plugin/host/node.ts";
import { leftDir } from "../../src/state/left.ts";
import { queueDir, tryLock, turnPath } from "../../src/state/turn.ts";
import { sleep } from "../support/clock.ts";
import { must, run } from "../support/exec.ts";
import { type Flow, flowOf, nameOfFlow } from "../support/flow.ts";
import {
	asksIn,
	begin,
	createNode,
	entriesOf,
	expected,
	hold,
	holdTurn,
	ipOf,
	type Kind,
	lineOf,
	ownOf,
	PODS,
	portOf,
	resetNode,
	staleOf,
	untilWaiting,
} from "./burst.scene.ts";
import { createWorld, EXECUTABLE, type World } from "./model.world.ts";

let world: World;
beforeAll(async () => {
	world = await createNode();
});

const ALL = Array.from({ length: PODS }, (_, pod) => pod);
/** What each pod's verb is: every kind three times. */
const KINDS = ["ADD", "DEL", "DEL that retires", "CHECK"] as const;
const kindOf = (pod: number): Kind => KINDS[pod % 4] as Kind;
const of = (kind: Kind, flows: (pod: number) => readonly Flow[]): Flow[] =>
	ALL.filter((pod) => kindOf(pod) === kind).flatMap(flows);

/** All pods but those that are to be added are there, and every entry that can be. */
beforeEach(() =>
	resetNode(
		world,
		ALL.filter((pod) => kindOf(pod) !== "ADD"),
		[...ALL.flatMap(ownOf), ...of("ADD", staleOf), ...of("CHECK", staleOf)],
	),
);

describe("verbs that wait while another has the turn", () => {
	test("are served by one pass, each by its own request", async () => {
		const release = holdTurn(world);
		const running = ALL.map((pod) => begin(world, kindOf(pod), pod));
		await untilWaiting(world, PODS);
		release();
		const ran = await Promise.all(running.map((r) => r.ran));
		for (const pod of ALL) {
			const kind = kindOf(pod);
			// CHECK says by its code that there are entries, and writes no line
			expect(ran[pod]?.code, ran[pod]?.stderr).toBe(kind === "CHECK" ? 1 : 0);
			if (kind === "CHECK") {
				expect(ran[pod]?.stdout).toContain("no-dnat: 1");
				continue;
			}
			const line = lineOf(ran[pod] ?? expect.fail());
			expect(line).toMatchObject({
				shared: String(PODS),
				how: "scan",
			});
			const removed = { ADD: "3", DEL: "2", "DEL that retires": "0" }[kind];
			expect(line.deleted, kind).toBe(removed);
			expect(line.retired, kind).toBe(
				kind === "DEL that retires" ? "2" : undefined,
			);
		}
		expect(await entriesOf(world)).toEqual(
			expected(
				[...of("ADD", ownOf), ...of("CHECK", ownOf), ...of("CHECK", staleOf)],
				of("DEL that retires", ownOf),
			),
		);
		expect(readdirSync(queueDir(world.dataDir))).toEqual([]);
	});

	test("split DELs too, whose entries the kernel would flush for each", async () => {
		await resetNode(world, ALL, ALL.flatMap(ownOf));
		const release = holdTurn(world);
		const running = ALL.map((pod) => begin(world, "DEL", pod));
		await untilWaiting(world, PODS);
		release();
		for (const { ran } of running) {
			const line = lineOf(await ran);
			expect(line).toMatchObject({ deleted: "2", shared: String(PODS) });
		}
		expect(await entriesOf(world)).toEqual(expected([]));
	});

	test("one that is killed while it waits is dropped, and the others are served", async () => {
		const release = holdTurn(world);
		const [add, del] = [begin(world, "ADD", 0), begin(world, "DEL", 1)];
		await untilWaiting(world, 2);
		del.child.kill("SIGKILL");
		await del.ran;
		const second = begin(world, "DEL", 5);
		await untilWaiting(world, 3);
		release();
		expect(lineOf(await add.ran)).toMatchObject({ deleted: "3", shared: "2" });
		expect(lineOf(await second.ran)).toMatchObject({ deleted: "2" });
		const left = await entriesOf(world);
		for (const name of expected(ownOf(1))) expect(left).toContain(name);
		expect(asksIn(world)).toEqual([]);
	});

	test("one of another network namespace is not obeyed: it looks at its own table", async () => {
		const elsewhere = { ...(await createWorld()), dataDir: world.dataDir };
		const release = holdTurn(world);
		const ours = begin(world, "ADD", 0);
		const theirs = begin(elsewhere, "DEL", 1);
		await untilWaiting(world, 2);
		release();
		expect((await theirs.ran).code).toBe(0);
		expect(lineOf(await ours.ran).shared).toBeUndefined();
		const left = await entriesOf(world);
		for (const name of expected(ownOf(1))) expect(left).toContain(name);
	});
});

describe("a queue that is not as it should be", () => {
	test("files of others stay, and nobody obeys them", async () => {
		const dir = queueDir(world.dataDir);
		mkdirSync(dir, { recursive: true });
		const foreign = ["README", "x.tmp", "y.answer"];
		for (const name of foreign) writeFileSync(join(dir, name), "{}");
		writeFileSync(join(dir, "dead.ask"), '{"verb":"DEL"}');
		writeFileSync(join(dir, "locked.ask"), '{"verb":"DEL","ns":"net:[1]"}');
		const release = hold(join(dir, "locked.ask"));
		const ran = await begin(world, "ADD", 0).ran;
		release();
		expect(ran.code, ran.stderr).toBe(0);
		expect(lineOf(ran).deleted).toBe("3");
		expect(readdirSync(dir).sort()).toEqual([...foreign, "locked.ask"].sort());
	});

	test("no queue can be made: each verb works alone, and waits for nobody", async () => {
		rmSync(queueDir(world.dataDir), { recursive: true, force: true });
		writeFileSync(queueDir(world.dataDir), "");
		const release = holdTurn(world);
		const ran = await begin(world, "ADD", 0).ran;
		release();
		expect(ran.code).toBe(0);
		expect(lineOf(ran)).toMatchObject({ deleted: "3" });
		expect(lineOf(ran).shared).toBeUndefined();
	});

	test("the lock cannot be had: the verb works alone", async () => {
		rmSync(turnPath(world.dataDir), { force: true });
		mkdirSync(turnPath(world.dataDir));
		const ran = await begin(world, "ADD", 0).ran;
		rmSync(turnPath(world.dataDir), { recursive: true });
		expect(ran.code).toBe(0);
		expect(lineOf(ran).deleted).toBe("3");
	});

	test("the turn is a file, as a version before has made it: who waits looks by itself", async () => {
		rmSync(turnPath(world.dataDir), { force: true });
		writeFileSync(turnPath(world.dataDir), "");
		const release = holdTurn(world);
		const running = [begin(world, "ADD", 0), begin(world, "DEL", 1)];
		await untilWaiting(world, 2, running);
		release();
		for (const { ran } of running) expect(lineOf(await ran).shared).toBe("2");
	});

	test("somebody holds the turn for ever: one of those who wait serves all", async () => {
		const release = hold(turnPath(world.dataDir));
		const running = ALL.map((pod) => begin(world, kindOf(pod), pod));
		const ran = await Promise.all(running.map((r) => r.ran));
		release();
		const lines = ran.map(lineOf).filter(({ msg }) => msg !== undefined);
		expect(lines).toHaveLength(9);
		for (const line of lines) expect(line.error).toBeUndefined();
		// whoever looked a moment too early is served by itself
		const served = lines.filter(({ shared }) => shared !== undefined);
		expect(served.length).toBeGreaterThan(6);
		expect(readdirSync(queueDir(world.dataDir))).toEqual([]);
	});

	test("a leader that is frozen holds up nobody for long", async () => {
		const release = holdTurn(world);
		const frozen = begin(world, "ADD", 0);
		await untilWaiting(world, 1, [frozen]);
		release();
		// it has the turn, or is through, when it is stopped
		frozen.child.kill("SIGSTOP");
		const held = tryLock(nodeHost([]), turnPath(world.dataDir));
		const ran = await begin(world, "DEL", 1).ran;
		if (typeof held === "function") held();
		frozen.child.kill("SIGCONT");
		expect(lineOf(ran)).toMatchObject({ deleted: "2" });
		expect((await frozen.ran).code).toBe(0);
	});
});

describe("a verb that is alone in a long table", () => {
	/** More than the 32 768 from which on a pass may be left. */
	const others = Array.from({ length: 36_000 }, (_, i) =>
		flowOf({
			src: `192.0.${3 + Math.floor(i / 5000)}.1`,
			sport: 10_000 + (i % 5000),
			dport: 9999,
		}),
	);
	/** Makes the first forty datagrams late, as a slow machine does, by so many microseconds each. */
	const slow = "inject=recvmsg:delay_enter=20000:when=1..40";
	const SLOWED = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", slow];

	/** Waits until a verb has the turn. */
	async function untilTaken(): Promise<void> {
		for (;;) {
			const turn = tryLock(nodeHost([]), turnPath(world.dataDir));
			if (typeof turn !== "function") break;
			turn();
			await sleep(1);
		}
	}

	test("leaves its pass when another one comes, and the next pass serves both", async () => {
		const [add, del] = [0, 1];
		await resetNode(
			world,
			[del],
			[...ownOf(add), ...staleOf(add), ...ownOf(del), ...others],
		);
		const first = begin(world, "ADD", add, SLOWED);
		await untilTaken();
		const second = begin(world, "DEL", del);
		const lines = [lineOf(await first.ran), lineOf(await second.ran)];
		expect(lines).toMatchObject([
			{ deleted: "3", shared: "2" },
			{ deleted: "2", shared: "2" },
		]);
		const left = new Set(await entriesOf(world));
		const healthy = [...ownOf(add), ...others].map(nameOfFlow);
		expect(healthy.filter((name) => !left.has(name))).toEqual([]);
	});
});

describe("what does not fit into the time", () => {
	/** Both turns are held for longer than verbs wait. */
	async function giveUp(...kinds: readonly Kind[]) {
		const release = holdTurn(world);
		const running = kinds.map((kind) =>
			begin(world, kind, KINDS.indexOf(kind)),
		);
		const ran = await Promise.all(running.map((r) => r.ran));
		release();
		return ran;
	}
	const leftIn = (): string[] => readdirSync(leftDir(world.dataDir));
	const reconcile = () =>
		must(
			world.ns.inside([EXECUTABLE, "reconcile", "--data-dir", world.dataDir]),
		);

	test("is left, is said, and is done by the next reconcile, as the rules are then", async () => {
		const ran = await giveUp("ADD", "DEL", "DEL that retires");
		for (const { code, stderr } of ran) {
			expect(code, stderr).toBe(0);
			expect(stderr).toMatch(/cannot flush.*gave up after 5\d\d\d ms/);
		}
		// who gives up last has nobody beside it
		expect(ran.map((r) => lineOf(r).waiting)).toContain("2");
		expect(leftIn()).toHaveLength(3);
		expect(readdirSync(queueDir(world.dataDir))).toEqual([]);
		const doctor = await run(
			world.ns.inside([EXECUTABLE, "doctor", "--data-dir", world.dataDir]),
		);
		expect(doctor.stdout).toContain("3 ADDs or DELs gave up");
		await reconcile();
		const left = await entriesOf(world);
		const gone = [...staleOf(0), ...ownOf(1), ...ownOf(2)].map(nameOfFlow);
		for (const name of gone) expect(left).not.toContain(name);
		for (const flow of [...ownOf(0), ...ownOf(5)])
			expect(left).toContain(nameOfFlow(flow));
		expect(leftIn()).toEqual([]);
	});

	test("no verb does it for another: what an ADD left may be wrong by now", async () => {
		await giveUp("ADD");
		const next = await begin(world, "DEL", 1).ran;
		expect(lineOf(next)).toMatchObject({ deleted: "2" });
		expect(lineOf(next).shared).toBeUndefined();
		const left = await entriesOf(world);
		for (const flow of staleOf(0)) expect(left).toContain(nameOfFlow(flow));
		expect(leftIn()).toHaveLength(1);
	});
});

describe("healthy flows of other pods to the server that a going pod asked from its hostPort", () => {
	const SERVERS = Array.from({ length: 40 }, (_, s) => `198.51.100.${10 + s}`);
	const asked = (server: string, src: string, sport: number): Flow =>
		flowOf({
			...{ src, sport, dst: server, dport: 53 },
			...{ replySrc: server, replySport: 53 },
			...{ replyDst: "203.0.113.1", replyDport: sport },
		});
	const [going, coming] = [0, 1];
	/** Begun by the pod that goes, from its hostPort: first of its kind in the dump or not. */
	const begun = SERVERS.map((s) => asked(s, ipOf(going), portOf(going)));
	const healthy = SERVERS.flatMap((server) =>
		[1, 2, 3, 4, 5].map((n) => asked(server, `10.88.2.${n}`, 40_000 + n)),
	);
	/** So many that a dump for each port is the cheapest way. */
	const others = Array.from({ length: 24_000 }, (_, i) =>
		flowOf({
			src: `192.0.${3 + Math.floor(i / 5000)}.1`,
			sport: 10_000 + (i % 5000),
			dport: 9999,
		}),
	);

	test("stay, though another pod's hostPort is 53", async () => {
		await resetNode(world, [going], [...begun, ...healthy, ...others]);
		const release = holdTurn(world);
		const del = begin(world, "DEL", going);
		await untilWaiting(world, 1, [del]);
		del.child.kill("SIGSTOP");
		const add = begin(world, "ADD", coming, [], 53);
		await untilWaiting(world, 2, [add]);
		release();
		expect(lineOf(await add.ran)).toMatchObject({ shared: "2" });
		del.child.kill("SIGCONT");
		expect(lineOf(await del.ran).reasons).toContain("begun-by-pod");
		const left = await entriesOf(world);
		const lost = healthy.map(nameOfFlow).filter((n) => !left.includes(n));
		expect(lost).toEqual([]);
	});
});

test("a command that was not asked for waits until the burst is over, and no longer", async () => {
	const release = holdTurn(world);
	const argv = [EXECUTABLE, "reconcile", "--data-dir", world.dataDir];
	let isDone = false;
	const reconciled = must(world.ns.inside(argv)).then(() => {
		isDone = true;
	});
	const verb = begin(world, "ADD", 0);
	await untilWaiting(world, 1);
	expect(isDone).toBe(false);
	release();
	await verb.ran;
	await reconciled;
	expect(existsSync(turnPath(world.dataDir))).toBe(true);
});
