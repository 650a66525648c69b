// Retired entries: they end at their time, whatever is sent meanwhile.

import { describe, expect, test } from "vitest";
import type { Entry, Target } from "../../src/conntrack/entry.ts";
import { now, sleep } from "../support/clock.ts";
import { readTable } from "../support/conntrack.ts";
import { attr, be32, message, nfgenmsg, STATUS } from "../support/entries.ts";
import { must } from "../support/exec.ts";
import { equip, ON_LOOPBACK } from "../support/node.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const PORTS = ([2, 10] as const).map(
	(family) => ({ family, proto: 17, hostPort: 8125 }) as const,
);

/** A namespace whose own packets are tracked, with an address of each family. */
async function withTraffic(): Promise<Agent> {
	const agent = await startAgent();
	await equip(agent.ns, {
		addresses: { lo: ON_LOOPBACK },
		keepsEntries: true,
	});
	for (const tables of ["iptables", "ip6tables"])
		await must(
			agent.ns.inside(
				`${tables} -w -A INPUT -m conntrack --ctstate INVALID -j DROP`.split(
					" ",
				),
			),
		);
	return agent;
}

const target = ({ key, status }: Entry): Target => ({ key, status });

async function hits(agent: Agent): Promise<Entry[]> {
	return (await agent.scan(PORTS)).hits;
}

/** Milliseconds until the table is empty. */
async function untilEmpty(agent: Agent, limitMs: number): Promise<number> {
	const begun = now();
	while (now() - begun < limitMs) {
		if ((await readTable(agent.ns)).length === 0) return now() - begun;
		await sleep(50);
	}
	return Number.POSITIVE_INFINITY;
}

describe("an entry that is kept busy", () => {
	test.each([
		["IPv4", "203.0.113.1"],
		["IPv6", "fd03::1"],
	])(
		"ends at its time, and a control without retiring does not: %s",
		async (_, host) => {
			const agent = await withTraffic();
			await agent.send(6000, host, 8125, 20);
			await sleep(200);
			const [entry, ...more] = await hits(agent);
			if (!entry || more.length > 0) throw new Error("not one entry");
			// the control: for longer than the retired one may live
			await sleep(2500);
			const [still] = await hits(agent);
			expect(still?.key.id).toEqual(entry.key.id);
			const timeout = (await readTable(agent.ns)).map((e) => e.timeout);
			expect(Math.min(...timeout)).toBeGreaterThan(890);

			expect(await agent.retire([target(still ?? entry)], 2)).toMatchObject({
				done: 1,
				expired: 0,
			});
			const [retired] = await hits(agent);
			expect((retired?.status ?? 0) & STATUS.FIXED_TIMEOUT).toBe(
				STATUS.FIXED_TIMEOUT,
			);
			// the packet after its end makes another entry: not the same one, and not fixed
			await sleep(3500);
			const [anew] = await hits(agent);
			expect((anew?.status ?? 0) & STATUS.FIXED_TIMEOUT).toBe(0);
			expect(anew).toBeDefined();
		},
	);
});

describe("an entry that rests", () => {
	test.each([1, 2])("ends %i s after it was retired", async (seconds) => {
		const agent = await startAgent();
		await agent.create({
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			timeout: 900,
		});
		const [entry] = await hits(agent);
		await agent.retire(entry ? [target(entry)] : [], seconds);
		const ms = await untilEmpty(agent, 20_000);
		expect(ms).toBeGreaterThan(1000 * seconds - 500);
		// generous: the machine may be busy, and the entry had 900 s
		expect(ms).toBeLessThan(1000 * seconds + 10_000);
	});
});

test("a second time it is gone, and its time is not changed", async () => {
	const agent = await startAgent();
	await agent.create({ orig: "192.0.2.7:6000 > 203.0.113.1:8125" });
	const [entry] = await hits(agent);
	const targets = entry ? [target(entry)] : [];
	expect(await agent.retire(targets, 30)).toMatchObject({ done: 1 });
	expect(await agent.retire(targets, 3600)).toMatchObject({
		done: 0,
		expired: 1,
	});
	const again = await hits(agent);
	expect(await agent.retire(again.map(target), 3600)).toMatchObject({
		done: 0,
		expired: 1,
	});
	const [seen] = await readTable(agent.ns);
	expect(seen?.timeout).toBeLessThanOrEqual(30);
});

test("nobody can give it another timeout", async () => {
	const agent = await startAgent();
	await agent.create({ orig: "192.0.2.7:6000 > 203.0.113.1:8125" });
	const [entry] = await hits(agent);
	if (!entry) throw new Error("no entry");
	await agent.retire([target(entry)], 30);
	const update = message(
		{ type: 0x0100, flags: 5, seq: 1 },
		nfgenmsg(2),
		attr(2, new Uint8Array(entry.key.reply.slice().buffer)),
		attr(7, be32(900)),
	);
	expect(await agent.exchange([update])).toEqual([1]); // EPERM
});

test("one that has ended is gone, and does not come back", async () => {
	const agent = await startAgent();
	await agent.create({ orig: "192.0.2.7:6000 > 203.0.113.1:8125" });
	const [entry] = await hits(agent);
	if (!entry) throw new Error("no entry");
	await agent.remove([entry.key]);
	expect(await agent.retire([target(entry)], 2)).toMatchObject({
		done: 0,
		expired: 1,
	});
	expect(await agent.count()).toBe(0);
});

test.each<[string, number]>([
	["a reply", STATUS.SEEN_REPLY],
	["a reply and more packets", STATUS.SEEN_REPLY | STATUS.ASSURED],
])(
	"one that got %s since it was read is retired all the same",
	async (_, bits) => {
		const agent = await startAgent();
		await agent.create({
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			reply: "10.88.0.9:5353 > 192.0.2.7:6000",
			status: ["SEEN_REPLY", "ASSURED"],
		});
		const [entry] = await hits(agent);
		if (!entry) throw new Error("no entry");
		// the state of before
		const before = { key: entry.key, status: entry.status & ~bits };
		expect(await agent.retire([before], 30)).toMatchObject({
			done: 1,
			expired: 0,
		});
		const [seen] = await readTable(agent.ns);
		expect(seen?.timeout).toBeLessThanOrEqual(30);
	},
);

test.each<[string, Made]>([
	[
		"IPv6",
		{
			orig: "[fd07::7]:6000 > [fd03::1]:8125",
			reply: "[fd88::9]:5353 > [fd07::7]:6000",
		},
	],
	[
		"with NAT of both directions",
		{
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			dnat: "10.88.0.9:5353",
			snat: "10.88.0.1:6001",
		},
	],
	["in a zone", { orig: "192.0.2.7:6000 > 203.0.113.1:8125", zone: 7 }],
	[
		"with a zone of the original direction",
		{
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			reply: "10.88.0.9:5353 > 192.0.2.7:6000",
			origZone: 8,
		},
	],
	[
		"with a zone of the reply direction",
		{
			orig: "192.0.2.7:6000 > 203.0.113.1:8125",
			reply: "10.88.0.9:5353 > 192.0.2.7:6000",
			replyZone: 9,
		},
	],
])("this one alone is retired: %s", async (_, made) => {
	const agent = await startAgent();
	const six = made.orig.startsWith("[");
	const neighbour: Made = six
		? { orig: "[fd07::7]:6001 > [fd03::1]:8125" }
		: { orig: "192.0.2.7:6001 > 203.0.113.1:8125" };
	await agent.create(made, neighbour);
	const entry = (await hits(agent)).find((e) => e.orig.sport === 6000);
	if (!entry) throw new Error("no entry");
	expect(await agent.retire([target(entry)], 30)).toMatchObject({
		done: 1,
		expired: 0,
	});
	const timeouts = Object.fromEntries(
		(await readTable(agent.ns)).map((e) => [e.orig.sport, e.timeout > 100]),
	);
	expect(timeouts).toEqual({ 6000: false, 6001: true });
});

test("TCP and SCTP are retired as well", async () => {
	const agent = await startAgent();
	await agent.create(
		{ proto: "tcp", orig: "192.0.2.7:6000 > 203.0.113.1:8125" },
		{ proto: "sctp", orig: "192.0.2.7:6000 > 203.0.113.1:8125" },
	);
	const { hits: found } = await agent.scan([
		{ family: 2, proto: 6, hostPort: 8125 },
		{ family: 2, proto: 132, hostPort: 8125 },
	]);
	expect(await agent.retire(found.map(target), 30)).toMatchObject({ done: 2 });
	expect((await readTable(agent.ns)).every((e) => e.timeout <= 30)).toBe(true);
});
