// The ruling on an entry that the predicate calls stale: the rules know whose rule the
// kernel takes.

import { describe, expect, test } from "vitest";
import {
	firstPacketOf,
	mayLeadTo,
	type Ruling,
	rulingOn,
} from "../../../../src/policy/ruling.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	DNAT,
	FAMILIES,
	flowEntry,
	mapping,
} from "../../../support/unit/flows.ts";
import { prospectOf } from "../../../support/unit/outcomes.ts";

/** The mapping leads from H:8125 to P:5353; the entry leads to `to`, or nowhere. */
const ROWS: readonly [
	name: string,
	to: string | undefined,
	outcomes: readonly string[],
	want: Ruling,
][] = [
	[
		"to a pod before, and the rules send to ours",
		"Q:5353",
		["P:5353"],
		"stale",
	],
	[
		"not translated, and the rules send to ours",
		undefined,
		["P:5353"],
		"stale",
	],
	["to another port of our pod", "P:53", ["P:5353"], "stale"],
	[
		"to a pod before, and the rules send to ours or nowhere",
		"Q:5353",
		["P:5353", "none"],
		"stale",
	],
	[
		"to a pod before, and the rules send to ours or drop it",
		"Q:5353",
		["drop", "P:5353"],
		"stale",
	],
	[
		"where one of two rules sends it",
		"Q:5353",
		["P:5353", "Q:5353 kube-proxy"],
		"agrees",
	],
	[
		"not translated, as one of two ways",
		undefined,
		["P:5353", "none"],
		"agrees",
	],
	["not translated, and no rule", undefined, ["none"], "agrees"],
	["to a pod before, and no rule", "Q:5353", ["none"], "elsewhere"],
	[
		"to a pod before, and the packet is dropped",
		"Q:5353",
		["drop"],
		"elsewhere",
	],
	["to nobody that any rule knows", "Q:5353", [], "elsewhere"],
	[
		"to a pod before, and another's rule stands before ours",
		"Q:5353",
		["N:5353 kube-proxy"],
		"elsewhere",
	],
	["to the owner of the rule before ours", "N:5353", ["N:5353"], "agrees"],
	[
		"to a pod before, and the rules send to another port of ours",
		"Q:5353",
		["P:53"],
		"elsewhere",
	],
	["inside a range of addresses", "N:5353", ["P-Q:5353"], "agrees"],
	["at the end of a range of addresses", "Q:5353", ["P-Q:5353"], "agrees"],
	["beside a range of addresses", "G:5353", ["P-Q:5353"], "stale"],
	["inside a range of ports", "Q:5350", ["Q:5350-5360"], "agrees"],
	["after a range of ports", "Q:5361", ["Q:5350-5360"], "elsewhere"],
	["to the address of a rule that keeps the port", "Q:8125", ["Q"], "agrees"],
	["to another port than a rule that keeps it", "Q:5353", ["Q"], "elsewhere"],
	["to the node, as a redirection does", "H2:53", [":53"], "agrees"],
	["to a pod, where a redirection stands", "Q:53", [":53"], "elsewhere"],
	["where a rule is not understood", "Q:5353", ["P:5353", "?"], "unknown"],
	["where nothing else is known", "Q:5353", ["?"], "unknown"],
];

describe.each(FAMILIES)("%s, an entry", (family) => {
	test.each(ROWS)("%s", (_, to, outcomes, want) => {
		const e = flowEntry(family, "udp", {
			orig: "C:1 > H:8125",
			...(to !== undefined && { reply: `${to} > C:1`, status: DNAT }),
		});
		const prospect = prospectOf(family, e, ...outcomes);
		expect(rulingOn(prospect, e, [mapping(family, "udp")])).toBe(want);
	});

	test("of two mappings is stale if the rules reach one of them", () => {
		const e = flowEntry(family, "udp", {
			orig: "C:1 > H:8125",
			reply: "Q:5353 > C:1",
		});
		const m = mapping(family, "udp");
		const prospect = prospectOf(family, e, "N:5353");
		const both = [m, { ...m, podIP: BOOKS[family].N }];
		expect(rulingOn(prospect, e, both)).toBe("stale");
		expect(rulingOn(prospect, e, both.slice(0, 1))).toBe("elsewhere");
		expect(rulingOn(prospect, e, [])).toBe("elsewhere");
	});
});

test("an address of the other family is in no range", () => {
	const e = flowEntry("IPv4", "udp", { orig: "C:1 > H:8125" });
	const prospect = prospectOf("IPv4", e, "P-Q:5353");
	expect(mayLeadTo(prospect, BOOKS.IPv4.N, 5353)).toBe(true);
	expect(mayLeadTo(prospect, BOOKS.IPv6.N, 5353)).toBe(false);
});

test.each<[string, boolean]>([
	["C:1 > H:8125", false],
	["N:1 > H:8125", false],
	["H:1 > H:8125", true],
	["L:1 > L:8125", true],
	["G:1 > H:8125", true],
])("the first packet of %s was sent by the node: %s", (orig, want) => {
	const e = flowEntry("IPv4", "udp", { orig, reply: "Q:53 > C:9" });
	const { packet } = prospectOf("IPv4", e);
	expect(packet.isSentByNode).toBe(want);
	expect(packet.dport).toBe(8125);
	expect(firstPacketOf(e, () => false, "eth0")).toMatchObject({
		isSentByNode: false,
		arrivesOn: "eth0",
	});
});
