// A table that is printed from words must be the one that is printed from decoded entries:
// random entries are listed together, and each of them alone.

import { describe, expect, test } from "vitest";
import {
	attr,
	be32,
	type EntrySpec,
	type StatusBit,
} from "../../../support/entries.ts";
import { natRules } from "../../../support/natrules.ts";
import { type Random, random } from "../../../support/random.ts";
import { call, ROUTES } from "../../../support/unit/calls.ts";
import { records } from "../../../support/unit/garbage.ts";

const DEPARTED = "/run/cni/conntrack-flush/departed";
/** The client of a rule stands before it: such a verdict holds for no other client. */
const RULES = natRules(
	"udp local:8125 > 10.88.0.2:5353",
	"192.0.2.7 tcp local:8080 > 10.88.0.7:80 docker",
	"udp local6:8125 > [fd88::2]:5353",
	"tcp local:443 > 10.88.0.7:443 docker",
);
const V4 = {
	clients: ["192.0.2.7", "192.0.2.8", "10.88.0.9", "203.0.113.1", "10.244.0.3"],
	frontends: ["203.0.113.1", "203.0.113.10", "10.96.0.10", "198.51.100.255"],
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

/** Returns an entry; some have another layout than the kernel's usual one, and `near` is the share of those that came to the hostPort. */
function anyEntry(r: Random, id: number, near: number): EntrySpec {
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
		proto: isNear ? "udp" : r.pick(["udp", "udp", "tcp", "sctp", "icmp", 47]),
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

async function listed(
	{ files, argv }: Node,
	entries: readonly EntrySpec[],
): Promise<string> {
	const called = await call("", {
		env: { CNI_COMMAND: undefined },
		kernel: {
			entries,
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
