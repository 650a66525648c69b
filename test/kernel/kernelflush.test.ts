// The kernel's own flush removes what the predicate calls dead, and nothing else:
// an entry that is deleted wrongly is somebody's connection.

import { release } from "node:os";
import { describe, expect, test } from "vitest";
import type { FlushFilter } from "../../src/conntrack/messages.ts";
import type { Mapping } from "../../src/policy/mapping.ts";
import {
	begunByPod,
	begunFilter,
	deadFilter,
	deadOnDel,
} from "../../src/policy/stale.ts";
import { type FamilyName, type Letter, spell } from "../support/book.ts";
import { entry } from "../support/entries.ts";
import { mapping } from "../support/unit/flows.ts";
import { type Agent, startAgent } from "./agent.ts";
import type { Made } from "./creation.ts";

const [major = 0, minor = 0] = release().split(".").map(Number);
/** The kernel flushes by a filter since commit 1ef7f50ccc6e. */
const KNOWN = major > 6 || (major === 6 && minor >= 12);

/** Pairs of original and answering endpoint; each comes in UDP, TCP and SCTP, IPv4 and IPv6. */
const FLOWS: readonly (readonly [orig: string, reply?: string])[] = [
	["C:1 > H:8125", "P:5353 > C:1"],
	["C:2 > H2:8125", "P:5353 > C:2"],
	["N:3 > H:8125", "P:5353 > G:3"], // masqueraded
	["P:4 > H:8125", "P:5353 > G:4"], // hairpin
	["C:5 > V:8125", "P:5353 > C:5"], // a Service's address
	["C:6 > H:8126", "P:5353 > C:6"], // another hostPort
	["C:7 > H:8125", "P:53 > C:7"], // another container port
	["C:8 > H:8125", "Q:5353 > C:8"], // another pod
	["C:9 > H:8125"], // no NAT
	["C:10 > P:5353"], // straight to the pod
	["C:11 > P:8125"],
	["P:5353 > S:8125"], // from the pod
	["P:8125 > S:5353"],
	["N:14 > S:8125"],
	["C:8125 > H:15", "P:5353 > C:8125"],
	["C:16 > H:5353", "P:8125 > C:16"], // ports the other way round
	["P:8125 > S:17", "S:17 > H:8125"], // from the hostPort, masqueraded
	["P:5353 > S:18", "S:18 > H2:8125"],
	["N:8125 > S:19", "S:19 > H:8125"], // from another pod
	["P:20 > S:8125", "S:8125 > H:20"],
];

const TABLE: readonly Made[] = (["IPv4", "IPv6"] as const).flatMap(
	(family: FamilyName) =>
		["udp", "tcp", "sctp", "udplite"].flatMap((proto) =>
			FLOWS.map(
				([orig, reply]): Made => ({
					proto,
					orig: spell(family, orig),
					...(reply && { reply: spell(family, reply) }),
				}),
			),
		),
);

/** Returns every entry of the namespace in words, to compare. */
async function words(agent: Agent): Promise<string[]> {
	const ports = ([17, 6, 132] as const).map(
		(proto) => ({ family: 2, proto, hostPort: null }) as const,
	);
	const { hits, count } = await agent.scan(ports);
	return [`${count.entries} entries`, ...hits.map((e) => wordsOf(e)).sort()];
}

function wordsOf({
	proto,
	orig,
	reply,
}: Pick<ReturnType<typeof entry>, "proto" | "orig" | "reply">): string {
	return `${proto} ${orig.src} ${orig.sport} > ${orig.dst} ${orig.dport}, ${reply.src} ${reply.sport}`;
}

const MAPPINGS: readonly (readonly [
	string,
	"udp" | "tcp",
	Letter | undefined,
	number,
])[] = [
	["UDP of any address", "udp", undefined, 5],
	["UDP of one address", "udp", "H2", 1],
	["UDP of an address that no entry has", "udp", "S", 0],
	["TCP of any address", "tcp", undefined, 5],
	["TCP of one address", "tcp", "H", 3],
];

describe("removes what deadOnDel says", () => {
	test.each(MAPPINGS)("%s", async (_, proto, hostIP, want) => {
		const agent = await startAgent();
		await agent.create(...TABLE);
		const before = await words(agent);
		expect(before[0]).toContain(String(TABLE.length));
		const m = mapping("IPv4", proto, hostIP);
		const filter = deadFilter(m) as FlushFilter;
		expect(await agent.kernelFlush(filter)).toBe(KNOWN);
		const dead = KNOWN
			? TABLE.filter((made) => deadOnDel(m, entry(made)) !== undefined)
			: [];
		expect(dead).toHaveLength(KNOWN ? want : 0);
		const gone = dead.map((made) => wordsOf(entry(made)));
		expect(await words(agent)).toEqual([
			`${TABLE.length - dead.length} entries`,
			...before.slice(1).filter((w) => !gone.includes(w)),
		]);
	});
});

/** The last column counts what the pod sent without NAT from the port, which the filter cannot tell apart. */
const BEGUN: readonly (readonly [
	string,
	"udp" | "tcp",
	Letter | undefined,
	number,
	number,
])[] = [
	["UDP of any address", "udp", undefined, 2, 1],
	["UDP of one address", "udp", "H2", 1, 0],
	["UDP of an address that no entry has", "udp", "S", 0, 0],
	["TCP of any address", "tcp", undefined, 2, 1],
	["TCP of one address", "tcp", "H", 1, 0],
];

describe("removes what begunByPod says, and what the pod sent without NAT", () => {
	test.each(BEGUN)("%s", async (_, proto, hostIP, want, plain) => {
		const agent = await startAgent();
		await agent.create(...TABLE);
		const before = await words(agent);
		const m = mapping("IPv4", proto, hostIP);
		const filter = begunFilter(m) as FlushFilter;
		expect(await agent.kernelFlush(filter)).toBe(KNOWN);
		const isPlain = ({ proto, orig, reply }: ReturnType<typeof entry>) =>
			hostIP === undefined &&
			proto === m.proto &&
			orig.src === m.podIP &&
			reply.dst === m.podIP &&
			reply.dport === m.hostPort;
		const all = TABLE.map((made) => entry(made));
		const begun = all.filter((e) => begunByPod(m, e) !== undefined);
		const others = all.filter(isPlain);
		expect([begun.length, others.length]).toEqual([want, plain]);
		const gone = KNOWN ? [...begun, ...others].map(wordsOf) : [];
		expect(await words(agent)).toEqual([
			`${TABLE.length - gone.length} entries`,
			...before.slice(1).filter((w) => !gone.includes(w)),
		]);
	});
});

test.each([2, 10] as const)(
	"a dump by the port of replies holds every entry of family %i that has it, and no reply to another port if the kernel compares it",
	async (family) => {
		const agent = await startAgent();
		await agent.create(...TABLE);
		const ports = ([17, 6, 132] as const).map(
			(proto) => ({ family, proto, hostPort: 8125, side: "reply" }) as const,
		);
		const { hits: all } = await agent.scan(ports);
		for (const port of ports) {
			const { hits, count } = await agent.scan([port], port);
			expect(hits.map(wordsOf).sort()).toEqual(
				all
					.filter((e) => e.family === family && e.proto === port.proto)
					.map(wordsOf)
					.sort(),
			);
			expect(hits.length).toBeGreaterThan(4);
			// ad81d4daf6a3, and the ports of SCTP are never compared
			if (KNOWN && port.proto !== 132) expect(count.entries).toBe(hits.length);
		}
	},
);

test("also entries with NAT in the kernel, and in every zone, as a dump finds them", async () => {
	const agent = await startAgent();
	const flow = "192.0.2.7:6000 > 203.0.113.1:8125";
	const reply = "10.88.0.2:5353 > 192.0.2.7:6000";
	await agent.create(
		{ orig: "192.0.2.7:1 > 203.0.113.1:8125", dnat: "10.88.0.2:5353" },
		{
			orig: "192.0.2.7:2 > 203.0.113.1:8125",
			dnat: "10.88.0.2:5353",
			snat: "10.88.0.1:2",
		},
		{ orig: "192.0.2.7:3 > 203.0.113.1:8125", dnat: "10.88.0.9:5353" },
		{ orig: flow, reply, zone: 7 },
		{ orig: flow, reply, origZone: 8 },
	);
	const m: Mapping = mapping("IPv4", "udp");
	await agent.kernelFlush(deadFilter(m) as FlushFilter);
	const { hits } = await agent.scan([m]);
	expect(hits.map((e) => e.reply.src)).toEqual(
		KNOWN ? ["10.88.0.9"] : hits.map((e) => e.reply.src),
	);
});

test("of an empty table is done, and leaves it empty", async () => {
	const agent = await startAgent();
	expect(
		await agent.kernelFlush(deadFilter(mapping("IPv4", "udp")) as FlushFilter),
	).toBe(KNOWN);
	expect(await agent.count()).toBe(0);
});

test("leaves the entries of other namespaces alone", async () => {
	const [one, other] = [await startAgent("one"), await startAgent("other")];
	for (const agent of [one, other]) await agent.create(...TABLE);
	await one.kernelFlush(deadFilter(mapping("IPv4", "udp")) as FlushFilter);
	expect(await one.count()).toBe(TABLE.length - (KNOWN ? 5 : 0));
	expect(await other.count()).toBe(TABLE.length);
});
