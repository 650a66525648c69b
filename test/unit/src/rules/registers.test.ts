// The registers: how values are stored and compared, and what is known of them.

import { describe, expect, test } from "vitest";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import type { Fact, MatchAnswer, Packet } from "../../../../src/rules/model.ts";
import { Registers } from "../../../../src/rules/registers.ts";
import { hex, toHex, u32 } from "../../../support/entries.ts";
import { packetIn } from "../../../support/unit/rulesets.ts";

const V4 = packetIn("udp 192.0.2.7 > 203.0.113.1:8125 on eth0");
const V6 = packetIn("tcp fd07::7 > [fd03::1]:8125");

/** Registers that hold ff in every byte. */
function full(): Registers {
	const r = new Registers();
	r.store(0, new Uint8Array(64).fill(0xff));
	return r;
}

/** The bytes at 0 in hex; a byte that is not known is `??`. */
function shown(r: Registers, length = 8): string {
	const { bytes, known } = r.partial(0, length);
	return [...bytes]
		.map((_, i) => (known[i] ? toHex(bytes.subarray(i, i + 1)) : "??"))
		.join("")
		.replace(/.{8}(?=.)/g, "$& ");
}

describe("a value is followed by zeros up to the next register", () => {
	test.each([
		[
			"a constant of 1 byte",
			(r: Registers) => r.store(0, hex("11")),
			"11000000 ffffffff",
		],
		[
			"a constant of 4 bytes",
			(r: Registers) => r.store(0, hex("11223344")),
			"11223344 ffffffff",
		],
		[
			"a constant of 6 bytes",
			(r: Registers) => r.store(0, hex("112233445566")),
			"11223344 55660000",
		],
		[
			"a port",
			(r: Registers) =>
				r.load(
					{ is: "payload", base: "transport", offset: 2, length: 2, to: 0 },
					V4,
				),
			"1fbd0000 ffffffff",
		],
		[
			"a prefix of an address",
			(r: Registers) =>
				r.load(
					{ is: "payload", base: "network", offset: 16, length: 3, to: 0 },
					V4,
				),
			"cb007100 ffffffff",
		],
		[
			"a protocol",
			(r: Registers) =>
				r.load(
					{ is: "fact", fact: "protocol of layer 4", to: 0, length: 1 },
					V4,
				),
			"11000000 ffffffff",
		],
		[
			"a value that is not known",
			(r: Registers) => r.load({ is: "unknown", to: 0, length: 2 }, V4),
			"????0000 ffffffff",
		],
		[
			"a port under a mask",
			(r: Registers) =>
				r.load(
					{
						is: "bitwise",
						from: 4,
						to: 0,
						mask: hex("ff0f"),
						xor: hex("0001"),
					},
					V4,
				),
			"ff0e0000 ffffffff",
		],
	])("%s", (_, load, want) => {
		const r = full();
		load(r);
		expect(shown(r)).toBe(want);
	});
});

describe("headers", () => {
	test.each([
		["IPv4", V4, 20, "??????????????????11????c0000207cb007101"],
		["IPv6", V6, 8, "????????????06??"],
	])("of %s", (_, p, length, want) => {
		const r = full();
		r.load({ is: "payload", base: "network", offset: 0, length, to: 0 }, p);
		expect(shown(r, length).replaceAll(" ", "")).toBe(want);
	});
	test("of IPv6: the addresses", () => {
		const r = full();
		r.load(
			{ is: "payload", base: "network", offset: 8, length: 32, to: 0 },
			V6,
		);
		expect(shown(r, 32)).toBe(
			"fd070000 00000000 00000000 00000007 fd030000 00000000 00000000 00000001",
		);
	});
	test("of the transport: the source's port is not known", () => {
		const r = full();
		r.load(
			{ is: "payload", base: "transport", offset: 0, length: 6, to: 0 },
			V4,
		);
		expect(shown(r)).toBe("????1fbd ????0000");
	});
});

describe("facts", () => {
	const ETH0 = "65746830 00000000 00000000 00000000";
	const NONE = "00000000 00000000 00000000 00000000";
	const UNKNOWN = "???????? ???????? ???????? ????????";
	const node: Packet = { ...V4, isSentByNode: true };
	const to = (address: string): Packet =>
		packetIn(`udp 192.0.2.7 > ${address}:53`);
	const type = (n: number): string => toHex(u32(n));
	const rows: [string, Fact, number, Packet, string][] = [
		["IPv4", "protocol of layer 3", 2, V4, "08000000"],
		["IPv6", "protocol of layer 3", 2, V6, "86dd0000"],
		["IPv6", "family", 1, V6, "0a000000"],
		["an interface", "arriving interface", 16, V4, ETH0],
		["none that is known", "arriving interface", 16, V6, UNKNOWN],
		["the number of an interface", "arriving interface", 4, V4, "????????"],
		["none for what the node sends", "arriving interface", 16, node, NONE],
		["none for what the node sends", "arriving interface", 4, node, "00000000"],
		["none before the route is known", "leaving interface", 16, V4, NONE],
		["one that is not known", "leaving interface", 16, node, UNKNOWN],
		["the node's own", "kind of destination", 4, V4, type(2)],
		["another one", "kind of destination", 4, to("192.0.2.1"), type(1)],
		["multicast", "kind of destination", 4, to("239.0.0.1"), type(5)],
		["broadcast", "kind of destination", 4, to("255.255.255.255"), type(3)],
		[
			"multicast of IPv6",
			"kind of destination",
			4,
			packetIn("udp fd07::7 > [ff02::1]:53"),
			type(5),
		],
		["another one", "kind of source", 4, V4, type(1)],
		[
			"the node's own",
			"kind of source",
			4,
			packetIn("udp 127.0.0.1 > 203.0.113.1:53"),
			type(2),
		],
	];
	test.each(rows)("%s: %s", (_, fact, length, p, want) => {
		const r = full();
		r.load({ is: "fact", fact, length, to: 0 }, p);
		expect(shown(r, Math.max(4, length))).toBe(want);
	});
});

describe("comparisons", () => {
	/** The first byte is 20, the second is not known. */
	const r = new Registers();
	r.store(0, hex("2020"));
	r.load({ is: "unknown", to: 4, length: 1 }, V4);
	r.load(
		{ is: "bitwise", from: 4, to: 1, mask: hex("ff"), xor: hex("00") },
		V4,
	);
	const same = new Registers();
	same.store(0, hex("2020"));
	const rows: [
		string,
		Registers,
		"==" | "!=" | "<" | "<=" | ">" | ">=",
		string,
		MatchAnswer,
	][] = [
		["equal", same, "==", "2020", "yes"],
		["not equal", same, "==", "2021", "no"],
		["equal, inverted", same, "!=", "2020", "no"],
		["less", same, "<", "2021", "yes"],
		["not less", same, "<", "2020", "no"],
		["less or equal", same, "<=", "2020", "yes"],
		["not less or equal", same, "<=", "201f", "no"],
		["greater", same, ">", "201f", "yes"],
		["not greater", same, ">", "2020", "no"],
		["greater or equal", same, ">=", "2020", "yes"],
		["not greater or equal", same, ">=", "2021", "no"],
		["a byte differs, and another is not known", r, "==", "2100", "no"],
		[
			"a byte differs, and another is not known: inverted",
			r,
			"!=",
			"2100",
			"yes",
		],
		["a byte agrees, and another is not known", r, "==", "2000", "maybe"],
		["an order of what is not known", r, "<", "3000", "maybe"],
	];
	test.each(rows)("%s", (_, registers, op, bytes, want) =>
		expect(
			registers.test({ is: "compare", from: 0, op, bytes: hex(bytes) }),
		).toBe(want),
	);

	test.each<[string, string, boolean, MatchAnswer]>([
		["2020", "2030", false, "yes"],
		["2010", "2020", false, "yes"],
		["2021", "2030", false, "no"],
		["2010", "201f", false, "no"],
		["2010", "2020", true, "no"],
		["2021", "2030", true, "yes"],
	])("range %s to %s, inverted %s", (min, max, isInverted, want) => {
		expect(
			same.test({
				is: "range",
				from: 0,
				isInverted,
				min: hex(min),
				max: hex(max),
			}),
		).toBe(want);
		expect(
			r.test({
				is: "range",
				from: 0,
				isInverted,
				min: hex(min),
				max: hex(max),
			}),
		).toBe("maybe");
	});
});

test("a bit that is masked out is known", () => {
	const r = full();
	r.load({ is: "unknown", to: 0, length: 4 }, V4);
	r.load(
		{
			is: "bitwise",
			from: 0,
			to: 0,
			mask: hex("0000ff00"),
			xor: hex("00000001"),
		},
		V4,
	);
	expect(shown(r, 4)).toBe("0000??01");
});

test("a copy changes alone, and a rule begins with nothing", () => {
	const r = full();
	const copy = r.copy();
	copy.store(0, hex("00"));
	expect(shown(r, 4)).toBe("ffffffff");
	r.clear();
	expect(r.value(0, 4)).toBeUndefined();
	expect(copy.value(0, 1)).toEqual(hex("00"));
});

test.each([
	["into the register of verdicts", (r: Registers) => r.store(-1, hex("00"))],
	["beyond the last one", (r: Registers) => r.store(60, hex("0011223344"))],
	[
		"of four billion bytes",
		(r: Registers) =>
			r.load(
				{
					is: "payload",
					base: "network",
					offset: 0,
					length: 0xffffffff,
					to: 0,
				},
				V4,
			),
	],
	[
		"under a mask that is too long",
		(r: Registers) =>
			r.load(
				{
					is: "bitwise",
					from: 0,
					to: 60,
					mask: new Uint8Array(8),
					xor: new Uint8Array(8),
				},
				V4,
			),
	],
])("a value %s is refused", (_, load) =>
	expect(() => load(full())).toThrow(DecodeError),
);
