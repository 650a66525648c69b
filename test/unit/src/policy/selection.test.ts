// The entries that the words of a person mean.

import { describe, expect, test } from "vitest";
import { AF_INET6 } from "../../../../src/net/ip.ts";
import { IPPROTO_TCP, IPPROTO_UDP } from "../../../../src/net/proto.ts";
import {
	agrees,
	agreesBeside,
	agreesByReply,
	familiesOf,
	isMeant,
	portsOf,
	type Selection,
} from "../../../../src/policy/selection.ts";
import { BOOKS, isLocal, spell } from "../../../support/book.ts";
import { entry } from "../../../support/entries.ts";
import { DNAT, REPLIED } from "../../../support/unit/flows.ts";
import type { Row } from "../../../support/unit/world.ts";

const ANY: Selection = {
	protos: [IPPROTO_UDP],
	hostPort: undefined,
	hostIP: undefined,
	podIP: undefined,
	family: undefined,
	zone: undefined,
};
const { H, H2, P } = BOOKS.IPv4;
const PORT = { hostPort: 8125 };
const POD = { podIP: P };
const TCP = { protos: [IPPROTO_TCP] } as const;
const nat = (orig = "C:1 > H:8125", more: Partial<Row> = {}): Row => ({
	orig,
	reply: "P:5353 > C:1",
	status: DNAT,
	...more,
});

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
		["not by another hostPort", { hostPort: 53 }, nat(), false],
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
		["not by its pod and another port", { ...POD, hostPort: 53 }, nat(), false],
		["not by another pod and its port", { ...PORT, podIP: H2 }, nat(), false],
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
	["that of the pod", { podIP: "fd88::2" }, [10]],
	["none where they differ", { podIP: "fd88::2", hostIP: H }, []],
])("families: %s", (_, said, want) =>
	expect(familiesOf({ ...ANY, ...said })).toEqual(want),
);

test("ports are looked for in each protocol and family; all without a hostPort", () => {
	const protos = [IPPROTO_UDP, IPPROTO_TCP] as const;
	expect(portsOf({ ...ANY, protos, hostPort: 53, hostIP: H })).toEqual([
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
		["not by the port that it was sent to", { hostPort: 41234 }, false],
		["by the address that its replies come to", { hostIP: H }, true],
		["not by another", { hostIP: H2 }, false],
		["by the pod", POD, true],
		["not by another pod", { podIP: BOOKS.IPv4.Q }, false],
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
