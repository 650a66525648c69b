// The guard against regressions, for continuous integration: what does not
// depend on the machine's speed or load. Instructions, bytes, messages, size.
// The limits stand in guard.limits.json with some room above what was measured;
// who lowers the cost lowers the limit.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../support/exec.ts";
import { bundleBytes } from "./bundle.ts";
import { instructions } from "./callgrind.ts";
import { type Contender, contenders } from "./contenders.ts";
import limits from "./guard.limits.json" with { type: "json" };
import { makeNode, type Node } from "./node.ts";
import { type Op, opById } from "./ops.ts";
import { loadRules } from "./rules.ts";
import { sizeOf, tools, which } from "./tools.ts";
import { trace } from "./trace.ts";

/**
 * Two tables large enough to be read by protocol; the difference is the cost of the
 * entries. They are not larger, because under valgrind the plugin must finish before
 * its deadline of five seconds.
 */
const SMALL = 54_000;
const LARGE = 64_000;
/** The part of such a table that the kernel sends: 9 of 20 entries are UDP, 3 of 4 are IPv4 (floor/fill.c). */
const SENT = (9 / 20) * (3 / 4);

/** A table that is read through a filter for the port: only what has it comes. */
const FILTERED = 4000;
/** The part of the table that has port 53 and is IPv4: 7 of 20 are DNS, 3 of 4 are IPv4. */
const KEPT = (7 / 20) * (3 / 4);

const kit = await tools("build/out/conntrack-flush", false);
const valgrind = required(which("valgrind"), "valgrind");
const strace = required(kit.strace, "strace");
let node: Node;

beforeAll(async () => {
	node = await makeNode(kit.fill, LARGE);
});
afterAll(() => node?.remove());

function required(found: string | undefined, what: string): string {
	if (found === undefined) throw new Error(`not found: ${what}`);
	return found;
}

/** The plugin, set up as the benchmark does before a run. */
async function prepared(op: Op, size: number): Promise<Contender> {
	await node.table(size);
	await loadRules(node.name, op);
	const own = (await contenders(op, size, kit, node)).find(
		(c) => c.who === "ours",
	);
	if (!own) throw new Error("no executable");
	for (const argv of own.before) {
		await must(["ip", "netns", "exec", node.name, ...argv], {
			env: { ...process.env, ...own.env },
		});
	}
	return own;
}

async function count(op: Op, size: number): Promise<number> {
	return instructions(valgrind, node.name, await prepared(op, size));
}

test("the executable stays small", () => {
	expect(sizeOf(kit.plugin)).toBeLessThanOrEqual(limits.executableBytes);
});

test("the code for container runtimes stays small", async () => {
	const { everyCall, all } = await bundleBytes();
	expect(everyCall, "loaded by every call").toBeGreaterThan(1000);
	expect(everyCall).toBeLessThanOrEqual(limits.everyCallBytes);
	expect(all).toBeLessThanOrEqual(limits.bundleBytes);
});

test.each(["version", "add-0", "del-0"] as const)(
	"instructions of %s",
	async (id) => {
		expect(await count(opById(id), 0)).toBeLessThanOrEqual(
			limits.instructions[id],
		);
	},
);

test('instructions of "oneCPUPerFlow", for a pod without ports', async () => {
	const own = await prepared(opById("add-0"), 0);
	// the benchmark's cni0 is no bridge
	const text = readFileSync(own.stdin ?? "", "utf8").replace("cni0", "cbr0");
	const conf = JSON.parse(text);
	const masks = "/sys/class/net/veth1f0c9d35/queues/rx-*/rps_cpus";
	const inNode = (...words: string[]): Promise<string> =>
		must(["ip", "netns", "exec", node.name, ...words]);
	await inNode("ip", "link", "add", "cbr0", "type", "bridge");
	await inNode(
		...["ip", "link", "add", "veth1f0c9d35", "type", "veth"],
		...["peer", "name", "peer"],
	);
	try {
		const without = await instructions(valgrind, node.name, own);
		const share = async (interfaces: unknown): Promise<number> => {
			const prevResult = { ...conf.prevResult, interfaces };
			const stdin = join(node.dir, "one-cpu.json");
			writeFileSync(
				stdin,
				JSON.stringify({ ...conf, oneCPUPerFlow: true, prevResult }),
			);
			const counted = await instructions(valgrind, node.name, {
				...own,
				stdin,
			});
			return counted / without - 1;
		};
		const none = await share(undefined);
		expect(await inNode("sh", "-c", `cat ${masks}`)).toMatch(/^[0,\n]+$/);
		const both = await share(conf.prevResult.interfaces);
		expect(await inNode("sh", "-c", `cat ${masks}`)).toMatch(/[1-9a-f]/);
		expect(none).toBeLessThanOrEqual(limits.instructions.oneCPUShare);
		expect(both).toBeLessThanOrEqual(limits.instructions.oneCPUShare);
	} finally {
		await inNode("ip", "link", "del", "cbr0");
		await inNode("ip", "link", "del", "veth1f0c9d35");
	}
});

test("instructions for an entry that is scanned and left alone", async () => {
	const each =
		((await count(opById("add-1"), LARGE)) -
			(await count(opById("add-1"), SMALL))) /
		((LARGE - SMALL) * SENT);
	expect(each, "entries that the kernel sent").toBeGreaterThan(100);
	expect(each).toBeLessThanOrEqual(limits.instructions.perScannedEntry);
});

/** What the stale entries of an ADD cost: the first run removes them, the second finds none. */
async function removing(op: Op, size: number): Promise<number> {
	const own = await prepared(op, size);
	const first = await instructions(valgrind, node.name, own);
	return first - (await instructions(valgrind, node.name, own));
}

test("instructions for an entry that is removed", async () => {
	const few = opById("add-1");
	const many = { ...few, stale: 600 };
	const each =
		((await removing(many, FILTERED)) - (await removing(few, FILTERED))) /
		(many.stale - few.stale);
	expect(each).toBeLessThanOrEqual(limits.instructions.perRemovedEntry);
});

test("instructions for the rules, which the first stale entry asks for, and for those of 16 ports", async () => {
	const first = await removing({ ...opById("add-1"), stale: 1 }, SMALL);
	const ports = { ...opById("add-16"), stale: 16 };
	const each = ((await removing(ports, SMALL)) - first) / 15;
	expect(first).toBeLessThanOrEqual(limits.instructions.firstStaleEntry);
	expect(each).toBeLessThanOrEqual(limits.instructions.perStalePort);
});

test("instructions for an entry that is retired", async () => {
	const few = opById("retire-1");
	const many = { ...few, stale: 600 };
	const each =
		((await count(many, FILTERED)) - (await count(few, FILTERED))) /
		(many.stale - few.stale);
	expect(each).toBeLessThanOrEqual(limits.instructions.perRetiredEntry);
});

test("instructions for an entry that has the port and is kept", async () => {
	const each =
		((await count(opById("add-53"), FILTERED)) -
			(await count(opById("add-1"), FILTERED))) /
		(FILTERED * KEPT);
	expect(each, "entries that have the port").toBeGreaterThan(100);
	expect(each).toBeLessThanOrEqual(limits.instructions.perKeptEntry);
});

test.each([
	// how it reads the table goes by a sample of that, which differs from run to run
	["list-stale", "perPassedEntry", 3],
	["list-all", "perListedEntry", 1],
] as const)(
	"instructions of %s for an entry of the table, most of which no hostPort has to do with",
	async (id, limit, runs) => {
		const op = { ...opById(id), stale: 100 };
		const least = async (size: number): Promise<number> => {
			const counts: number[] = [];
			while (counts.length < runs) counts.push(await count(op, size));
			return Math.min(...counts);
		};
		const each =
			((await least(LARGE)) - (await least(SMALL))) / (LARGE - SMALL);
		expect(each).toBeGreaterThan(100);
		expect(each).toBeLessThanOrEqual(limits.instructions[limit]);
	},
);

test.each(["version", "add-0", "del-0"])(
	"no netlink socket for %s",
	async (id) => {
		const { sends, receives, exit } = await trace(
			strace,
			node.name,
			await prepared(opById(id), 0),
		);
		expect({ sends, receives, exit }).toEqual({
			sends: 0,
			receives: 0,
			exit: 0,
		});
	},
);

test.each(["add-1", "del-1", "retire-1"] as const)(
	"netlink traffic of %s",
	async (id) => {
		const traffic = await trace(
			strace,
			node.name,
			await prepared(opById(id), SMALL),
		);
		const limit = limits.netlink[id];
		for (const key of [
			"sends",
			"sentBytes",
			"receives",
			"receivedBytes",
		] as const) {
			expect(traffic[key], key).toBeLessThanOrEqual(limit[key]);
		}
		expect(traffic.exit).toBe(0);
	},
);
