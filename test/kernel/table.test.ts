// The table over ctnetlink: entries of every shape are counted, read and removed
// one by one. `conntrack -L` is the second pair of eyes.

import { describe, expect, test } from "vitest";
import { idOf } from "../../src/conntrack/detail.ts";
import type { Entry } from "../../src/conntrack/entry.ts";
import type { DumpFilter } from "../../src/conntrack/messages.ts";
import { readTable } from "../support/conntrack.ts";
import { be16, entry, halfOf, wireOf } from "../support/entries.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const FLOW4 = "192.0.2.7:6000 > 203.0.113.1:8125";
const FLOW6 = "[fd07::7]:6000 > [fd03::1]:8125";
const NAT4 = "10.88.0.9:5353 > 192.0.2.7:6000";
const NAT6 = "[fd88::9]:5353 > [fd07::7]:6000";

const SHAPES: readonly (readonly [string, Made])[] = [
	["UDP, IPv4", { orig: FLOW4 }],
	["UDP, IPv6", { orig: FLOW6 }],
	["UDP, IPv4, another reply tuple", { orig: FLOW4, reply: NAT4 }],
	["UDP, IPv6, another reply tuple", { orig: FLOW6, reply: NAT6 }],
	["UDP, IPv4, DNAT by the kernel", { orig: FLOW4, dnat: "10.88.0.9:5353" }],
	["UDP, IPv6, DNAT by the kernel", { orig: FLOW6, dnat: "[fd88::9]:5353" }],
	[
		"UDP, IPv4, DNAT and SNAT by the kernel",
		{ orig: FLOW4, dnat: "10.88.0.9:5353", snat: "10.88.0.1:6001" },
	],
	[
		"UDP, answered and assured, with a mark",
		{
			orig: FLOW4,
			reply: NAT4,
			status: ["SEEN_REPLY", "ASSURED"],
			mark: 0x2000,
		},
	],
	["TCP, IPv4", { proto: "tcp", orig: FLOW4, dnat: "10.88.0.9:5353" }],
	["TCP, IPv6", { proto: "tcp", orig: FLOW6, reply: NAT6 }],
	["SCTP, IPv4", { proto: "sctp", orig: FLOW4, reply: NAT4 }],
	["SCTP, IPv6", { proto: "sctp", orig: FLOW6, reply: NAT6 }],
	["UDP in a zone, IPv4", { orig: FLOW4, reply: NAT4, zone: 7 }],
	["UDP in a zone, IPv6", { orig: FLOW6, reply: NAT6, zone: 65535 }],
	[
		"UDP with a zone of the original direction",
		{ orig: FLOW4, reply: NAT4, origZone: 8 },
	],
	[
		"UDP with a zone of the reply direction",
		{ orig: FLOW4, reply: NAT4, replyZone: 9 },
	],
	[
		"TCP with a zone of the original direction",
		{ proto: "tcp", orig: FLOW6, reply: NAT6, origZone: 8 },
	],
];

const ports = (...numbers: number[]): DumpFilter[] =>
	([17, 6, 132] as const).flatMap((proto) =>
		([2, 10] as const).flatMap((family) =>
			numbers.map((hostPort) => ({ family, proto, hostPort })),
		),
	);

/** Entries beside those under test, as near to them as can be. */
const NEIGHBOURS: readonly Made[] = [
	{
		orig: "192.0.2.7:6001 > 203.0.113.1:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:6001",
	},
	{
		orig: "[fd07::7]:6001 > [fd03::1]:8125",
		reply: "[fd88::9]:5353 > [fd07::7]:6001",
	},
	{
		proto: "icmp",
		orig: "192.0.2.7:8125 > 203.0.113.1:8",
		reply: "203.0.113.1:8125 > 192.0.2.7:0",
	},
	{ proto: "udplite", orig: FLOW4 },
	{ orig: "192.0.2.7:6000 > 203.0.113.1:8126" },
];

async function only(agent: Agent, made: Made): Promise<Entry> {
	await agent.create(made);
	const { hits } = await agent.scan(ports(8125));
	const [hit] = hits;
	if (!hit || hits.length !== 1) throw new Error(`${hits.length} entries`);
	return hit;
}

test("an empty namespace has no entries, and nothing to read", async () => {
	const agent = await startAgent();
	expect(await agent.count()).toBe(0);
	expect(await agent.scan(ports(8125))).toEqual({
		hits: [],
		count: { entries: 0, kept: 0, undecodable: 0 },
	});
});

test.each(SHAPES)("%s: read as it was made, removed alone", async (_, made) => {
	const agent = await startAgent();
	const hit = await only(agent, made);
	const want = entry(made);
	expect(hit).toMatchObject({
		family: want.family,
		proto: want.proto,
		orig: want.orig,
	});
	if (made.dnat === undefined) {
		expect(hit.reply).toMatchObject(want.reply);
		expect(wireOf(hit.key).reply).toBe(wireOf(want.key).reply);
	} else {
		expect(hit.reply).toMatchObject({
			src: want.family === 2 ? "10.88.0.9" : "fd88::9",
			sport: 5353,
		});
		expect(hit.status & 0x20).toBe(0x20);
	}
	expect(hit.key.zone).toBe(want.key.zone);
	// the tool shows the id as a number in host order
	const seen = (await readTable(agent.ns)).map((e) => Number(e.id));
	expect(seen).toEqual([idOf(hit.key)]);

	await agent.create(...NEIGHBOURS);
	expect(await agent.count()).toBe(1 + NEIGHBOURS.length);
	expect(await agent.remove([hit.key])).toMatchObject({ done: 1, expired: 0 });
	expect(await agent.count()).toBe(NEIGHBOURS.length);
	expect(await agent.remove([hit.key])).toMatchObject({ done: 0, expired: 1 });
	expect(await agent.count()).toBe(NEIGHBOURS.length);
});

describe("a key that no longer fits is gone, and removes nothing", () => {
	const made: Made = { orig: FLOW4, dnat: "10.88.0.9:5353" };
	test("made anew towards another pod", async () => {
		const agent = await startAgent();
		const { key } = await only(agent, made);
		await agent.remove([key]);
		const anew = await only(agent, { orig: FLOW4, dnat: "10.88.0.2:5353" });
		expect(await agent.remove([key])).toMatchObject({ done: 0, expired: 1 });
		expect((await agent.scan(ports(8125))).hits).toEqual([anew]);
	});

	test("another entry's id", async () => {
		const agent = await startAgent();
		const { key } = await only(agent, made);
		const id = ~key.id >>> 0;
		expect(await agent.remove([{ ...key, id }])).toMatchObject({
			done: 0,
			expired: 1,
		});
		expect(await agent.count()).toBe(1);
	});

	test.each<[string, Made, (hit: Entry) => Entry["key"]]>([
		[
			"the default zone in place of the entry's",
			{ ...made, zone: 7 },
			({ key }) => ({ ...key, zone: undefined }),
		],
		[
			"another zone",
			{ ...made, zone: 7 },
			({ key }) => ({ ...key, zone: halfOf(be16(8)) }),
		],
		[
			"a zone where there is none",
			made,
			({ key }) => ({ ...key, zone: halfOf(Uint8Array.of(0, 7)) }),
		],
		[
			"without the zone inside of the tuple",
			{ orig: FLOW4, reply: NAT4, replyZone: 9 },
			({ key }) => ({ ...key, reply: key.reply.slice(0, 12) }),
		],
	])("%s", async (_, given, change) => {
		const agent = await startAgent();
		const hit = await only(agent, given);
		expect(await agent.remove([change(hit)])).toMatchObject({
			done: 0,
			expired: 1,
		});
		expect(await agent.count()).toBe(1);
	});

	test("a flow of the pod's own that has the reply tuple for its original", async () => {
		const agent = await startAgent();
		const { key } = await only(agent, made);
		await agent.remove([key]);
		await agent.create({ orig: NAT4 });
		expect(await agent.remove([key])).toMatchObject({ done: 0, expired: 1 });
		expect(await agent.count()).toBe(1);
	});
});

describe("many entries", () => {
	const many = (n: number): Made[] =>
		Array.from({ length: n }, (_, i) =>
			i % 2 === 0
				? {
						orig: `192.0.2.7:${10_000 + i} > 203.0.113.1:8125`,
						reply: `10.88.0.9:5353 > 192.0.2.7:${10_000 + i}`,
					}
				: {
						orig: `[fd07::7]:${10_000 + i} > [fd03::1]:8125`,
						reply: `[fd88::9]:5353 > [fd07::7]:${10_000 + i}`,
						zone: i,
					},
		);

	test("all are read, and removed in batches, with one in three gone before", async () => {
		const agent = await startAgent();
		await agent.create(...many(1500), ...NEIGHBOURS);
		const { hits, count } = await agent.scan(ports(8125));
		expect(hits).toHaveLength(1502);
		expect(count).toEqual({ entries: 1505, kept: 0, undecodable: 0 });
		const keys = hits.filter((e) => e.orig.sport >= 10_000).map((e) => e.key);
		const before = keys.filter((_, i) => i % 3 === 0);
		expect(await agent.remove(before)).toMatchObject({ done: 500 });
		const { done, expired, failed } = await agent.remove(keys);
		expect([done, expired, failed.size]).toEqual([1000, 500, 0]);
		expect(await agent.count()).toBe(NEIGHBOURS.length);
	});

	test("a filtered dump holds what a whole one holds of its family, protocol and port", async () => {
		const agent = await startAgent();
		await agent.create(
			...many(40),
			...NEIGHBOURS,
			{ proto: "sctp", orig: FLOW4 },
			{ proto: "tcp", orig: FLOW4 },
		);
		for (const port of ports(8125)) {
			const whole = await agent.scan([port]);
			const filtered = await agent.scan([port], { ...port, hostPort: 8125 });
			const ofFamily = whole.hits.filter((e) => e.family === port.family);
			const order = (all: readonly Entry[]) =>
				all.map((e) => wireOf(e.key).id).sort();
			expect(order(filtered.hits)).toEqual(order(ofFamily));
			expect(filtered.count.entries).toBe(ofFamily.length);
		}
	});
});
