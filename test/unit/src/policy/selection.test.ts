// The entries that the words of a person mean.

import { describe, expect, test } from "vitest";
import { AF_INET6, ipBytes } from "../../../../src/net/ip.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";
import { parseRegion, type Region } from "../../../../src/net/region.ts";
import {
	agrees,
	agreesBeside,
	agreesByReply,
	dumpsOf,
	familiesOf,
	isMeant,
	isSaid,
	portsOf,
	prefilterOf,
	type Selection,
} from "../../../../src/policy/selection.ts";
import { BOOKS, isLocal, spell } from "../../../support/book.ts";
import { entry } from "../../../support/entries.ts";
import { DNAT, REPLIED } from "../../../support/unit/flows.ts";
import type { Row } from "../../../support/unit/world.ts";

const ANY: Selection = {
	protos: [IPPROTO_UDP],
	hostPorts: [],
	hostIP: undefined,
	from: undefined,
	to: undefined,
	leadsTo: undefined,
	answeredAt: undefined,
	podIPs: undefined,
	family: undefined,
	zone: undefined,
};
const { C, H, H2, P, Q, S } = BOOKS.IPv4;
/** Returns the selection of these ports of the node, and of nothing else. */
const ports = (...numbers: readonly number[]): Partial<Selection> => ({
	hostPorts: numbers.map((n) => ({ first: n, last: n })),
});
const at = (text: string): Region => {
	const place = parseRegion(text);
	return place ?? expect.fail(`no place: ${text}`);
};
const PORT = ports(8125);
const POD = { leadsTo: at(P) };
const TCP = { protos: [IPPROTO_TCP] } as const;
const nat = (orig = "C:1 > H:8125", more: Partial<Row> = {}): Row => ({
	orig,
	reply: "P:5353 > C:1",
	status: DNAT,
	...more,
});

const range = (first: number, last: number): Partial<Selection> => ({
	hostPorts: [{ first, last }],
});
/** A pod's datagram to the world under another address of the node. */
const snat: Row = { orig: "P:5353 > S:53", reply: "S:53 > H2:5353" };

function made({ orig, reply, family = "IPv4", ...more }: Row) {
	return entry({
		proto: "udp",
		...more,
		orig: spell(family, orig),
		...(reply && { reply: spell(family, reply) }),
	});
}

describe("an entry is meant", () => {
	test.each<[string, Partial<Selection>, Row, boolean]>([
		["by its hostPort", PORT, nat(), true],
		[
			"by its hostPort, though it leads to no pod",
			PORT,
			{ orig: "C:1 > H:8125" },
			true,
		],
		["not by another hostPort", ports(53), nat(), false],
		["not by another protocol", { ...PORT, ...TCP }, nat(), false],
		[
			"not by its port number if it passes by",
			PORT,
			nat("C:1 > S:8125"),
			false,
		],
		["nor if that is a Service's", PORT, nat("C:1 > V:8125"), false],
		["by its hostPort and address", { ...PORT, hostIP: H }, nat(), true],
		[
			"not by its hostPort and another address",
			{ ...PORT, hostIP: H2 },
			nat(),
			false,
		],
		[
			"by an address that is no more the node's",
			{ ...PORT, hostIP: BOOKS.IPv4.S },
			nat("C:1 > S:8125"),
			true,
		],
		[
			"by any address where 0.0.0.0 is said",
			{ ...PORT, hostIP: "0.0.0.0" },
			nat(),
			true,
		],
		[
			"not by 0.0.0.0 if it is of IPv6",
			{ ...PORT, hostIP: "0.0.0.0" },
			nat(undefined, { family: "IPv6" }),
			false,
		],
		["of IPv6 as of IPv4", PORT, nat(undefined, { family: "IPv6" }), true],
		[
			"not if it is of the other family",
			{ ...PORT, family: AF_INET6 },
			nat(),
			false,
		],
		[
			"of TCP if a rule has sent it",
			{ ...PORT, ...TCP },
			nat(undefined, { proto: "tcp" }),
			true,
		],
		[
			"not if it is a connection of the node's listener",
			{ ...PORT, ...TCP },
			{ proto: "tcp", orig: "C:1 > H:8125", status: REPLIED },
			false,
		],
		["by its pod, whatever port it came to", POD, nat("C:1 > H:53"), true],
		["by its pod, whatever address it came to", POD, nat("C:1 > V:53"), true],
		[
			"not by its pod if it came there by no rule",
			POD,
			{ orig: "C:1 > P:5353" },
			false,
		],
		["not by the pod that it comes from", POD, { orig: "P:1 > S:53" }, false],
		["by its pod and port", { ...POD, ...PORT }, nat(), true],
		["not by its pod and another port", { ...POD, ...ports(53) }, nat(), false],
		[
			"not by another pod and its port",
			{ ...PORT, leadsTo: at(H2) },
			nat(),
			false,
		],
		["by its zone", { ...PORT, zone: 7 }, nat(undefined, { zone: 7 }), true],
		[
			"not by another zone",
			{ ...PORT, zone: 8 },
			nat(undefined, { zone: 7 }),
			false,
		],
		[
			"not by the default zone if it has one",
			{ ...PORT, zone: 0 },
			nat(undefined, { zone: 7 }),
			false,
		],
		["by the default zone if it has none", { ...PORT, zone: 0 }, nat(), true],
		["in any zone where none is said", PORT, nat(undefined, { zone: 7 }), true],
		[
			"by its pod and port only if that is the node's",
			{ ...POD, ...PORT },
			nat("C:1 > V:8125"),
			false,
		],
		["by one of several hostPorts", ports(53, 8125), nat(), true],
		["by the first of a range", range(8125, 8130), nat(), true],
		["by the last of a range", range(8120, 8125), nat(), true],
		["not by a range that ends before it", range(8120, 8124), nat(), false],
		["not by a range that begins after it", range(8126, 8130), nat(), false],
		["by its client", { from: at(C) }, nat(), true],
		["not by another client", { from: at(Q) }, nat(), false],
		["by its client and port", { from: at(`${C}:1`) }, nat(), true],
		[
			"not by its client and another port",
			{ from: at(`${C}:2`) },
			nat(),
			false,
		],
		["by its client's prefix", { from: at("192.0.2.0/24") }, nat(), true],
		["not by the prefix after it", { from: at("192.0.3.0/24") }, nat(), false],
		[
			"by its client, whatever it was sent to",
			{ from: at(C) },
			{ orig: "C:1 > S:53" },
			true,
		],
		[
			"by its client in TCP if a rule has sent it",
			{ from: at(C), ...TCP },
			nat(undefined, { proto: "tcp" }),
			true,
		],
		[
			"not by its client in TCP without NAT, which is a listener's",
			{ from: at(C), ...TCP },
			{ proto: "tcp", orig: "C:1 > H:22", status: REPLIED },
			false,
		],
		[
			"not by its destination in TCP without NAT",
			{ to: at(":22"), ...TCP },
			{ proto: "tcp", orig: "C:1 > H:22", status: REPLIED },
			false,
		],
		[
			"by its destination, wherever that is",
			{ to: at(`${S}:53`) },
			{ orig: "C:1 > S:53" },
			true,
		],
		[
			"by its destination's port alone",
			{ to: at(":53") },
			{ orig: "C:1 > S:53" },
			true,
		],
		[
			"not by another destination",
			{ to: at(`${S}:54`) },
			{ orig: "C:1 > S:53" },
			false,
		],
		[
			"by what it leads to with the port",
			{ leadsTo: at(`${P}:5353`) },
			nat(),
			true,
		],
		["not by another port there", { leadsTo: at(`${P}:53`) }, nat(), false],
		["by one of a pod's addresses", { podIPs: [Q, P] }, nat(), true],
		["not by the addresses of another", { podIPs: [Q] }, nat(), false],
		[
			"not by a pod's address if it came there by no rule",
			{ podIPs: [P] },
			{ orig: "C:1 > P:5353" },
			false,
		],
		[
			"by the address that its replies come to",
			{ answeredAt: at(H2) },
			snat,
			true,
		],
		[
			"of TCP too, if its source is translated",
			{ answeredAt: at(H2), ...TCP },
			{ ...snat, proto: "tcp" },
			true,
		],
		[
			"but not then as a hostPort's, which is a listener's",
			{ ...PORT, ...TCP },
			{
				proto: "tcp",
				orig: "C:1 > H:8125",
				reply: "H:8125 > H2:9",
				status: REPLIED,
			},
			false,
		],
		["not by another address", { answeredAt: at(H) }, snat, false],
		[
			"by all conditions together",
			{ ...PORT, from: at(C), to: at(H), leadsTo: at(P), answeredAt: at(C) },
			nat(),
			true,
		],
		[
			"not if one of them does not agree",
			{ ...PORT, from: at(C), to: at(H2), leadsTo: at(P), answeredAt: at(C) },
			nat(),
			false,
		],
		["where nothing is said", {}, nat("C:1 > S:1"), true],
		[
			"where nothing but its family is said",
			{ family: AF_INET6 },
			nat(undefined, { family: "IPv6" }),
			true,
		],
	])("%s", (_, said, row, want) =>
		expect(isMeant({ ...ANY, ...said }, made(row), isLocal)).toBe(want),
	);
});

test("agreement alone knows nothing of mappings: what passes by agrees", () => {
	const passing = made(nat("C:1 > S:8125"));
	expect(agrees({ ...ANY, ...PORT }, passing)).toBe(true);
	expect(agrees({ ...ANY, ...PORT, zone: 7 }, passing)).toBe(false);
});

test.each<[string, Partial<Selection>, number[]]>([
	["both where nothing is said", {}, [2, 10]],
	["that of the address", { hostIP: H }, [2]],
	["that of the pod", { leadsTo: at("fd88::2") }, [10]],
	["none where they differ", { podIPs: ["fd88::2"], hostIP: H }, []],
])("families: %s", (_, said, want) =>
	expect(familiesOf({ ...ANY, ...said })).toEqual(want),
);

test("ports are looked for in each protocol and family; all without a hostPort", () => {
	const protos = [IPPROTO_UDP, IPPROTO_TCP] as const;
	expect(portsOf({ ...ANY, protos, ...ports(53), hostIP: H })).toEqual([
		{ family: 2, proto: 17, hostPort: 53 },
		{ family: 2, proto: 6, hostPort: 53 },
	]);
	expect(portsOf({ ...ANY, hostIP: H })).toEqual([
		{ family: 2, proto: 17, hostPort: null },
	]);
});

describe("an entry that a pod began agrees", () => {
	const begun: Row = {
		orig: "P:5353 > S:41234",
		reply: "S:41234 > H:8125",
		zone: 7,
	};
	test.each<[string, Partial<Selection>, boolean]>([
		["without conditions", {}, true],
		["by the port that its replies come to", PORT, true],
		["not by the port that it was sent to", ports(41234), false],
		["by the address that its replies come to", { hostIP: H }, true],
		["not by another", { hostIP: H2 }, false],
		["by the pod", POD, true],
		["not by another pod", { leadsTo: at(Q) }, false],
		["not by another protocol", TCP, false],
		["not by another family", { family: AF_INET6 }, false],
		["by its zone", { zone: 7 }, true],
		["not by another zone", { zone: 8 }, false],
	])("%s", (_, change, want) =>
		expect(agreesByReply({ ...ANY, ...change }, made(begun))).toBe(want),
	);
});

describe("a zone of one direction", () => {
	const flow = {
		proto: "udp",
		orig: spell("IPv4", "C:1 > H:8125"),
		reply: spell("IPv4", "P:5353 > C:1"),
		status: DNAT,
	};
	test.each<["origZone" | "replyZone", number, boolean]>([
		["origZone", 9, true],
		["origZone", 0, false],
		["origZone", 8, false],
		["replyZone", 9, true],
		["replyZone", 0, false],
	])("%s 9 is meant by --zone %i: %s", (where, zone, want) => {
		const e = entry({ ...flow, [where]: 9 });
		const s = { ...ANY, ...PORT, zone };
		expect(agrees(s, e)).toBe(want);
		expect(isMeant(s, e, isLocal)).toBe(want);
		const begun = { ...e, orig: { ...e.reply }, reply: { ...e.orig } };
		expect(agreesByReply(s, begun)).toBe(want);
	});
});

test("an entry of another protocol agrees beside its protocol", () => {
	const e = entry({ proto: "icmp", orig: spell("IPv4", "C:1 > H:8") });
	expect(agrees(ANY, e)).toBe(false);
	expect(agreesBeside(ANY, e)).toBe(true);
	expect(agreesBeside({ ...ANY, family: AF_INET6 }, e)).toBe(false);
});

describe("the ports of a range", () => {
	const some = { ...ANY, hostIP: H, hostPorts: [{ first: 8000, last: 65535 }] };

	test("are one item of a scan", () =>
		expect(portsOf(some)).toEqual([
			{ family: 2, proto: 17, hostPort: 8000, count: 57536 },
		]));

	test("are all ports for what asks for one or all", () => {
		expect(dumpsOf(some)).toEqual([{ family: 2, proto: 17, hostPort: null }]);
		expect(dumpsOf({ ...some, ...ports(53, 54) })).toEqual(dumpsOf(some));
		expect(dumpsOf({ ...some, ...ports(53) })).toEqual([
			{ family: 2, proto: 17, hostPort: 53 },
		]);
	});

	test("may be those of a destination", () =>
		expect(portsOf({ ...ANY, to: at(`${H}:53-54`) })).toEqual([
			{ family: 2, proto: 17, hostPort: 53, count: 2 },
		]));
});

test.each<[string, Partial<Selection>, boolean]>([
	["a hostPort", PORT, true],
	["a client", { from: at(C) }, true],
	["a port", { to: at(":53") }, true],
	["a pod that has no address any more", { podIPs: [] }, true],
	["an address of the node", { hostIP: H }, false],
	["a prefix that is everywhere", { from: at("0.0.0.0/0") }, false],
	["a prefix that is everywhere, with ports", { to: at("0.0.0.0/0:53") }, true],
])("a condition: %s", (_, said, want) =>
	expect(isSaid({ ...ANY, ...said })).toBe(want),
);

test.each<[string, Partial<Selection>, string | undefined, string, string]>([
	["clients", { from: at("192.0.2.0/24") }, "sources", "192.0.9.9", S],
	[
		"what it leads to, rather",
		{ from: at(C), leadsTo: at(P) },
		"sources",
		P,
		C,
	],
	["a pod", { podIPs: [P] }, "sources", P, C],
	["destinations", { to: at(S) }, "orig.dst", S, C],
])("the prefilter looks at %s", (_, said, looksAt, passed, held) => {
	const prefilter = prefilterOf({ ...ANY, ...said });
	expect(prefilter?.looksAt).toBe(looksAt);
	expect(prefilter?.mayHave(ipBytes(passed))).toBe(true);
	expect(prefilter?.mayHave(ipBytes(held))).toBe(false);
});

test("there is no prefilter without an address of one side", () => {
	expect(prefilterOf({ ...ANY, ...PORT, to: at(":53") })).toBeUndefined();
	expect(prefilterOf({ ...ANY, answeredAt: at(H) })).toBeUndefined();
});
