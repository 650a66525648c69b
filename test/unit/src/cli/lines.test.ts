// A table that is printed from words must be the one that is printed from decoded entries:
// random entries are listed together, and each of them alone.

import { describe, expect, test } from "vitest";
import { KnownVerdicts } from "../../../../src/cli/known.ts";
import { JOINED, Lines } from "../../../../src/cli/lines.ts";
import { Prefilter } from "../../../../src/conntrack/prefilter.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import { ipBytes } from "../../../../src/net/ip.ts";
import { RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	attr,
	be16,
	be32,
	type EntrySpec,
	message,
	nest,
	nfgenmsg,
	type StatusBit,
	u8,
} from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import { type Random, random } from "../../../support/random.ts";
import { call, ROUTES } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

const DEPARTED = "/run/cni/conntrack-flush/departed";
/** A client or an interface stands before the rule that is for it alone: such a verdict holds for no other client. */
const RULES = natRules(
	"udp local:8125 > 10.88.0.2:5353",
	"192.0.2.7 tcp local:8080 > 10.88.0.7:80 docker",
	"udp local6:8125 > [fd88::2]:5353",
	"tcp local:443 > 10.88.0.7:443 docker",
	"on eth9 udp local:53 > 10.88.0.7:53 docker",
);
const V4 = {
	clients: ["192.0.2.7", "192.0.2.8", "10.88.0.9", "203.0.113.1", "10.244.0.3"],
	frontends: ["203.0.113.1", "127.0.0.77", "10.96.0.10", "198.51.100.255"],
	backends: ["10.88.0.2", "10.88.0.9", "10.88.0.7", "10.245.3.200"],
};
const V6 = {
	clients: ["[fd07::7]", "[fd07:0:0:1::7]", "[fd03::1]", "[2001:db8::1:0:0:1]"],
	frontends: [
		"[fd03::1]",
		"[fd00:2::a60:a]",
		"[::1]",
		"[2001:db8:1:2:3:4:5:6]",
	],
	backends: ["[fd88::2]", "[fd88::9]", "[1:0:0:2:0:0:0:3]"],
};
const PORTS = [8125, 8080, 443, 53, 5353, 65535];
const STATUS: readonly (readonly StatusBit[])[] = [
	["DST_NAT"],
	["DST_NAT", "SEEN_REPLY", "ASSURED"],
	["SEEN_REPLY"],
	[],
];

/** Entries whose verdicts depend on their clients. */
const SPECIAL: readonly ((id: number, client: string) => EntrySpec)[] = [
	// a pod that has left has begun it
	(id) => ({
		id,
		orig: `10.88.0.9:${id} > 198.51.100.9:53`,
		reply: `198.51.100.9:53 > 203.0.113.1:8125`,
	}),
	(id, client) => ({
		id,
		proto: "tcp",
		orig: `${client}:${id} > 203.0.113.1:8080`,
		reply: `10.88.0.9:80 > ${client}:${id}`,
		status: ["DST_NAT"],
	}),
	(id, client) => ({
		id,
		orig: `${client}:${id} > 203.0.113.1:53`,
		reply: `10.88.0.9:53 > ${client}:${id}`,
		status: ["DST_NAT"],
	}),
];

/** Returns an entry; some have another layout than the kernel's usual one, and `near` is the share of those that came to the hostPort. */
function anyEntry(r: Random, id: number, near: number): EntrySpec {
	if (r.chance(0.15)) return r.pick(SPECIAL)(id, r.pick(V4.clients));
	const isNear = r.chance(near);
	const { clients, frontends, backends } = !isNear && r.chance(0.3) ? V6 : V4;
	const client = `${r.pick(clients)}:${r.pick([...PORTS, 1024 + id])}`;
	const frontend = isNear
		? "203.0.113.1:8125"
		: `${r.pick(frontends)}:${r.pick(PORTS)}`;
	const replied = r.chance(0.2)
		? `${r.pick(frontends)}:${r.pick(PORTS)}`
		: client;
	return {
		id,
		proto: isNear
			? "udp"
			: r.pick(["udp", "udp", "tcp", "sctp", "icmp", 47, 33, 136]),
		orig: `${client} > ${frontend}`,
		...(r.chance(0.6) && {
			reply: `${r.pick(backends)}:${r.pick(PORTS)} > ${replied}`,
		}),
		status: r.pick(STATUS),
		...(r.chance(0.1) && { zone: 1 + r.below(9) }),
		...(r.chance(0.05) && { origZone: 3 }),
		...(r.chance(0.05) && { replyZone: 3 }),
		...(r.chance(0.2) && { extra: [attr(4, be32(0))] }),
	};
}

interface Node {
	readonly files: Readonly<Record<string, string>>;
	readonly argv: readonly string[];
}

/** What is learned of one datagram is used in the next. */
async function listed(
	{ files, argv }: Node,
	entries: readonly EntrySpec[],
	perDatagram = 4,
): Promise<string> {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		kernel: {
			entries,
			perDatagram,
			rules: RULES,
			routes: [...ROUTES, { prefix: "fd03::1/128" }, { prefix: "::1/128" }],
		},
		host: { argv: ["list", ...argv], files },
	});
	expect(called.code).toBe(0);
	return called.out;
}

/** Returns the rows of a table without its heading and its sum, each with one space between two cells. */
function rowsOf(out: string): string[] {
	return out
		.split("\n")
		.slice(1, -2)
		.map((row) => row.replace(/ {2,}/g, "  "));
}

const DEPARTURES = '[0,"ns/gone",["10.88.0.9"]]\n[0,null,["10.244.0.3"]]\n';

/** So many rows decide the widths, and are printed as rows; all of them are stale. */
const FIRST = Array.from(
	{ length: 100 },
	(_, i): EntrySpec => ({
		id: 1001 + i,
		orig: `192.0.2.99:${1001 + i} > 203.0.113.1:8125`,
		reply: `10.88.0.8:5353 > 192.0.2.99:${1001 + i}`,
		status: ["DST_NAT"],
	}),
);

describe.each<[string, readonly string[], number]>([
	["the whole table", ["--all"], 0.1],
	["the whole table of a protocol", ["--all", "--proto", "udp"], 0.1],
	["a node's entries", [], 0.6],
	["a node's stale entries", ["--stale"], 0.8],
	["more columns", ["--all", "-o", "wide"], 0.1],
])("%s", (_, argv, near) => {
	test.each([1, 2, 3, 4])("is that of its entries, seed %i", async (seed) => {
		const r = random(seed);
		const entries = Array.from({ length: 80 }, (_, i) =>
			anyEntry(r, i + 1, near),
		);
		const files = {
			...(await records("a")),
			...(seed % 2 === 1 && { [DEPARTED]: DEPARTURES }),
		};
		const node = { files, argv };
		const rows = rowsOf(await listed(node, [...FIRST, ...entries]));
		const alone: string[] = [];
		for (const entry of entries)
			alone.push(...rowsOf(await listed(node, [entry])));
		expect(alone.length).toBeGreaterThan(10);
		expect(rows.slice(FIRST.length)).toEqual(alone);
	});
});

describe("an entry of another layout is left to be decoded", () => {
	const ip = (type: number, address: string): Uint8Array =>
		attr(type, ipBytes(address));
	const ports = nest(2, attr(1, u8(17)), attr(2, be16(1)), attr(3, be16(53)));
	const usual = nest(1, ip(1, "10.244.0.3"), ip(2, "10.96.0.10"));
	const turned = nest(1, ip(2, "10.96.0.10"), ip(1, "10.244.0.3"));
	test.each([
		["the usual one is not", usual, usual, 1],
		["original addresses in another order", turned, usual, 0],
		["addresses of the reply in another order", usual, turned, 0],
	])("%s", (_, orig, reply, want) => {
		const bytes = message(
			{ type: 0x0100, seq: 7 },
			nfgenmsg(2),
			nest(1, orig, ports),
			nest(2, reply, ports),
			attr(3, be32(0)),
			attr(12, be32(1)),
		);
		const b = new RecvBuffer(1024);
		b.bytes.set(bytes);
		const wanted = new PortSet();
		wanted.add(17, null);
		const known = new KnownVerdicts({
			addresses: new Prefilter("orig.dst"),
			hostPorts: new PortSet(),
			pods: new Prefilter("sources"),
			hasDepartures: false,
		});
		known.nobodys = { kind: "other", why: "no recorded hostPort" };
		const made: string[] = [];
		const next = new Lines(known, [7, 5, 4, 2, 8, 3], () => true).make(
			b,
			0,
			bytes.length,
			7,
			wanted,
			{ entries: 0, kept: 0 },
			{ stale: 0, live: 0, other: 0 },
			made,
		);
		expect([made.length, next]).toEqual([want, want * bytes.length]);
	});
});

test("a row that is made of words stands under its heading", async () => {
	const one = (id: number, more: Partial<EntrySpec> = {}): EntrySpec => ({
		id,
		orig: `10.244.0.3:${id} > 10.96.0.10:53`,
		...more,
	});
	const entries = [
		...Array.from({ length: 100 }, (_, i) => one(1001 + i)),
		one(1),
		one(2, { orig: "[2001:db8:1:2:3:4:5:6]:65535 > [fd00:2::a60:a]:53" }),
		one(3),
	];
	const out = await listed({ files: {}, argv: ["--all"] }, entries);
	expect(out.split("\n").slice(100)).toEqual([
		"other    udp    10.244.0.3:1100  10.96.0.10:53  10.96.0.10:53  no recorded hostPort",
		"other    udp    10.244.0.3:1     10.96.0.10:53  10.96.0.10:53  no recorded hostPort",
		"other    udp    [2001:db8:1:2:3:4:5:6]:65535  [fd00:2::a60:a]:53  [fd00:2::a60:a]:53  no recorded hostPort",
		"other    udp    10.244.0.3:3     10.96.0.10:53  10.96.0.10:53  no recorded hostPort",
		"103 entries: 103 other",
		"",
	]);
});

test("more lines of a datagram than are joined at a time stand in their order", async () => {
	const ids = Array.from({ length: 100 + 3 * JOINED }, (_, i) => i + 1);
	const entries = ids.map((id) => ({
		id,
		orig: `10.244.0.3:${id} > 10.96.0.10:53`,
	}));
	const out = await listed({ files: {}, argv: ["--all"] }, entries, 100);
	const clients = rowsOf(out).map((row) => /:(\d+)/.exec(row)?.[1]);
	expect(clients).toEqual(ids.map(String));
});
