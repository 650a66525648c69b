// The families and protocols that a rule may send elsewhere.

import { expect, test } from "vitest";
import type { Step } from "../../../../src/rules/model.ts";
import { trafficOf } from "../../../../src/rules/protocols.ts";

const L4: Step = { is: "fact", fact: "protocol of layer 4", to: 0, length: 1 };
const IFACE: Step = {
	is: "fact",
	fact: "arriving interface",
	to: 0,
	length: 16,
};
const is = (proto: number): Step => ({
	is: "compare",
	from: 0,
	op: "==",
	bytes: Uint8Array.of(proto),
});
const isNot = (proto: number): Step => ({ ...is(proto), op: "!=" }) as Step;
const MATCH: Step = { is: "match", matches: () => "maybe" };
const PORT: Step = {
	is: "payload",
	base: "transport",
	offset: 2,
	length: 2,
	to: 0,
};
const NAT: Step = {
	is: "nat",
	family: 2,
	address: { min: 4, max: 4 },
	ports: undefined,
};
const SEND: Step = {
	is: "send",
	target: { addresses: undefined, ports: undefined },
};

test.each<[string, number, readonly Step[], string]>([
	["UDP alone", 2, [L4, is(17), NAT], "2/17"],
	["TCP over IPv6", 10, [L4, is(6), SEND], "10/6"],
	[
		"both families, in a table of both",
		1,
		[L4, is(17), { is: "redirect", ports: undefined }],
		"2/17 10/17",
	],
	["all protocols, if it compares none", 2, [NAT], "2/17 2/6 2/132"],
	[
		"all but what is excluded counts as all",
		2,
		[L4, isNot(6), NAT],
		"2/17 2/6 2/132",
	],
	["UDP behind another match", 2, [MATCH, L4, is(17), MATCH, NAT], "2/17"],
	[
		"all, if what it compares is another fact",
		2,
		[L4, IFACE, is(17), NAT],
		"2/17 2/6 2/132",
	],
	[
		"all, if what it compares was loaded over it",
		2,
		[L4, PORT, is(17), NAT],
		"2/17 2/6 2/132",
	],
	["none of ours, if it is for ICMP", 2, [L4, is(1), NAT], ""],
	[
		"nothing, if it only calls a chain",
		2,
		[L4, is(17), { is: "jump", chain: "X" }],
		"",
	],
	["nothing, in a table of no family of ours", 7, [NAT], ""],
])("%s", (_, family, steps, want) => {
	const rule = {
		backend: "nft",
		family,
		table: "netavark",
		chain: "c",
		handle: 1,
		steps,
	} as const;
	expect(
		trafficOf(rule)
			.map((t) => `${t.family}/${t.proto}`)
			.join(" "),
	).toBe(want);
});
