// Expressions and the steps that they become, and bytes that no kernel sends.

import { describe, expect, test } from "vitest";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import { readRule } from "../../../../src/rules/expressions.ts";
import type { ChainID, NatRule, Step } from "../../../../src/rules/model.ts";
import { damaged } from "../../../fuzz/mutate.ts";
import {
	attr,
	be16,
	be32,
	hex,
	message,
	nest,
	nfgenmsg,
	u8,
} from "../../../support/entries.ts";
import { attributesOf } from "../../../support/fakekernel.ts";
import { EVERYTHING } from "../../../support/legacytable.ts";
import { random } from "../../../support/random.ts";
import {
	dataOf,
	expressionOf,
	ruleOf,
	verdictOf,
	zeroEnded,
} from "../../../support/unit/nftexpressions.ts";
import { RULESETS, rulesetMessages } from "../../../support/unit/rulesets.ts";

const CHAIN: ChainID = { backend: "nft", family: 2, table: "t", chain: "c" };

function read(bytes: Uint8Array, chain = CHAIN): NatRule | undefined {
	const b = new RecvBuffer(8192);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	const found = readRule(b, messageAt(b, 0, bytes.length), chain, EVERYTHING);
	b.bytes.fill(0);
	return found;
}

const MAYBE = { is: "match" };
const unknown = (length: number, to = 0): object => ({
	is: "unknown",
	to,
	length,
});
const UNCLEAR = { is: "unclear" };
const verdict = (code: number, chain?: string): Uint8Array =>
	expressionOf("immediate", { 1: 0, 2: verdictOf(code, chain) });
const BYTES = hex("0a000001");
const DATA = dataOf(BYTES);

const rows: readonly (readonly [string, Uint8Array, object | undefined])[] = [
	[
		"payload of the network header",
		expressionOf("payload", { 1: 1, 2: 1, 3: 16, 4: 4 }),
		{ is: "payload", base: "network", offset: 16, length: 4, to: 0 },
	],
	[
		"payload into a register of 4 bytes",
		expressionOf("payload", { 1: 10, 2: 2, 3: 2, 4: 2 }),
		{ is: "payload", base: "transport", offset: 2, length: 2, to: 8 },
	],
	[
		"payload of the link layer",
		expressionOf("payload", { 1: 2, 2: 0, 3: 0, 4: 6 }),
		unknown(6, 16),
	],
	[
		"payload that writes",
		expressionOf("payload", { 2: 1, 3: 16, 4: 4, 5: 1 }),
		UNCLEAR,
	],
	[
		"meta l4proto",
		expressionOf("meta", { 1: 1, 2: 16 }),
		{ is: "fact", fact: "protocol of layer 4", to: 0, length: 1 },
	],
	[
		"meta iifname",
		expressionOf("meta", { 1: 1, 2: 6 }),
		{ is: "fact", fact: "arriving interface", to: 0, length: 16 },
	],
	["meta mark", expressionOf("meta", { 1: 1, 2: 3 }), unknown(16)],
	["meta mark set", expressionOf("meta", { 2: 3, 3: 1 }), undefined],
	[
		"cmp",
		expressionOf("cmp", { 1: 1, 2: 1, 3: DATA }),
		{ is: "compare", from: 0, op: "!=", bytes: BYTES },
	],
	[
		"cmp with an operator that nobody knows",
		expressionOf("cmp", { 1: 1, 2: 6, 3: DATA }),
		MAYBE,
	],
	[
		"range, inverted",
		expressionOf("range", {
			1: 1,
			2: 1,
			3: dataOf(be16(1)),
			4: dataOf(be16(9)),
		}),
		{ is: "range", from: 0, isInverted: true, min: be16(1), max: be16(9) },
	],
	[
		"bitwise",
		expressionOf("bitwise", { 1: 1, 2: 2, 3: 4, 4: DATA, 5: DATA }),
		{ is: "bitwise", from: 0, to: 16, mask: BYTES, xor: BYTES },
	],
	[
		"bitwise shift",
		expressionOf("bitwise", { 1: 1, 2: 2, 3: 4, 6: 1, 7: DATA }),
		unknown(4, 16),
	],
	[
		"bitwise with a mask that is too short",
		expressionOf("bitwise", { 1: 1, 2: 2, 3: 8, 4: DATA, 5: DATA }),
		unknown(8, 16),
	],
	[
		"byteorder",
		expressionOf("byteorder", { 1: 1, 2: 2, 3: 0, 4: 4, 5: 4 }),
		unknown(4, 16),
	],
	[
		"immediate",
		expressionOf("immediate", { 1: 1, 2: DATA }),
		{ is: "constant", to: 0, bytes: BYTES },
	],
	["accept", verdict(1), { is: "accept" }],
	["drop", verdict(0), { is: "drop" }],
	["continue", verdict(-1), undefined],
	["jump", verdict(-3, "x"), { is: "jump", chain: "x" }],
	["goto", verdict(-4, "x"), { is: "goto", chain: "x" }],
	["return", verdict(-5), { is: "return" }],
	["queue 1", verdict(0x10003), UNCLEAR],
	["a verdict that nobody knows", verdict(-9), UNCLEAR],
	[
		"lookup",
		expressionOf("lookup", { 1: zeroEnded("s"), 2: 1 }),
		{ is: "lookup", set: "s", from: 0, to: undefined, isInverted: false },
	],
	[
		"lookup, inverted",
		expressionOf("lookup", { 1: zeroEnded("s"), 2: 1, 5: 1 }),
		{ is: "lookup", set: "s", from: 0, to: undefined, isInverted: true },
	],
	[
		"lookup of a verdict",
		expressionOf("lookup", { 1: zeroEnded("s"), 2: 1, 3: 0 }),
		{ is: "lookup", set: "s", from: 0, to: -1, isInverted: false },
	],
	[
		"dnat",
		expressionOf("nat", { 1: 1, 2: 2, 3: 1, 5: 2 }),
		{
			is: "nat",
			family: 2,
			address: { min: 0, max: 0 },
			ports: { min: 16, max: 16 },
		},
	],
	[
		"dnat to ranges",
		expressionOf("nat", { 1: 1, 2: 2, 3: 1, 4: 2, 5: 3, 6: 4 }),
		{
			is: "nat",
			family: 2,
			address: { min: 0, max: 16 },
			ports: { min: 32, max: 48 },
		},
	],
	[
		"dnat to a port alone",
		expressionOf("nat", { 1: 1, 2: 2, 5: 2 }),
		{ is: "nat", family: 2, address: undefined, ports: { min: 16, max: 16 } },
	],
	[
		"dnat of a prefix (NETMAP)",
		expressionOf("nat", { 1: 1, 2: 2, 3: 1, 4: 2, 7: 0x41 }),
		UNCLEAR,
	],
	[
		"dnat that shifts ports",
		expressionOf("nat", { 1: 1, 2: 2, 3: 1, 5: 2, 7: 0x23 }),
		UNCLEAR,
	],
	["snat", expressionOf("nat", { 1: 0, 2: 2, 3: 1 }), UNCLEAR],
	[
		"redirect",
		expressionOf("redir", { 3: 0 }),
		{ is: "redirect", ports: undefined },
	],
	[
		"redirect to a port",
		expressionOf("redir", { 1: 1 }),
		{ is: "redirect", ports: { min: 0, max: 0 } },
	],
	[
		"fib daddr type",
		expressionOf("fib", { 1: 1, 2: 3, 3: 2 }),
		{ is: "fact", fact: "kind of destination", to: 0, length: 4 },
	],
	[
		"fib saddr type",
		expressionOf("fib", { 1: 1, 2: 3, 3: 1 }),
		{ is: "fact", fact: "kind of source", to: 0, length: 4 },
	],
	[
		"fib daddr . iif type",
		expressionOf("fib", { 1: 1, 2: 3, 3: 10 }),
		unknown(16),
	],
	["ct mark", expressionOf("ct", { 1: 1, 2: 3 }), unknown(16)],
	["ct mark set", expressionOf("ct", { 2: 3, 4: 1 }), undefined],
	[
		"exthdr of many bytes",
		expressionOf("exthdr", { 1: 1, 2: 1, 3: 0, 4: 40 }),
		unknown(40),
	],
	["numgen", expressionOf("numgen", { 1: 1, 2: 2 }), unknown(4)],
	["limit", expressionOf("limit"), MAYBE],
	["dynset", expressionOf("dynset"), MAYBE],
	[
		"a quota that has a name",
		expressionOf("objref", { 1: 2, 2: zeroEnded("q") }),
		MAYBE,
	],
	[
		"a limit that has a name",
		expressionOf("objref", { 1: 4, 2: zeroEnded("q") }),
		MAYBE,
	],
	[
		"an object from a map",
		expressionOf("objref", { 3: 1, 4: zeroEnded("q") }),
		MAYBE,
	],
	[
		"a counter that has a name",
		expressionOf("objref", { 1: 1, 2: zeroEnded("q") }),
		undefined,
	],
	["counter", expressionOf("counter"), undefined],
	["log", expressionOf("log"), undefined],
	["an expression that nobody knows", expressionOf("queue"), UNCLEAR],
	[
		"one with the name of what every object has",
		expressionOf("toString"),
		UNCLEAR,
	],
	[
		"a match that nobody knows",
		expressionOf("match", { 1: zeroEnded("x"), 2: 0, 3: BYTES }),
		MAYBE,
	],
	[
		"a target that nobody knows",
		expressionOf("target", { 1: zeroEnded("x"), 2: 0, 3: BYTES }),
		UNCLEAR,
	],
];

test.each(rows)("%s", (_, bytes, want) => {
	const steps = read(ruleOf(2, bytes))?.steps as readonly Step[];
	if (want === undefined) expect(steps).toEqual([]);
	else {
		expect(steps).toHaveLength(1);
		expect(steps[0]).toMatchObject(want);
		if (want === MAYBE)
			expect(
				steps[0]?.is === "match" && steps[0].matches(undefined as never),
			).toBe("maybe");
	}
});

describe("a rule", () => {
	const rule = ruleOf(2, verdict(1));
	test("has its place", () =>
		expect(read(rule)).toEqual({
			...CHAIN,
			handle: 7,
			steps: [{ is: "accept" }],
		}));
	test.each([
		["family", { ...CHAIN, family: 10 }],
		["table", { ...CHAIN, table: "tt" }],
		["chain", { ...CHAIN, chain: "d" }],
	])("of another %s is none of ours", (_, chain) =>
		expect(read(rule, chain)).toBeUndefined(),
	);
	test("with the steps of all its expressions, in their order", () =>
		expect(
			read(
				ruleOf(2, expressionOf("meta", { 1: 1, 2: 15 }), verdict(-5)),
			)?.steps.map(({ is }) => is),
		).toEqual(["fact", "return"]));
	test.each([
		[
			"without a handle",
			message(
				{ type: 0x0a06, seq: 1 },
				nfgenmsg(2),
				attr(1, zeroEnded("t")),
				attr(2, zeroEnded("c")),
				nest(4),
			),
		],
		[
			"with a handle of four bytes",
			message(
				{ type: 0x0a06, seq: 1 },
				nfgenmsg(2),
				attr(1, zeroEnded("t")),
				attr(2, zeroEnded("c")),
				attr(3, be32(1)),
				nest(4),
			),
		],
		[
			"with a register that does not exist",
			ruleOf(2, expressionOf("payload", { 1: 24, 2: 1, 3: 0, 4: 4 })),
		],
		[
			"with one of the gap between the two kinds",
			ruleOf(2, expressionOf("payload", { 1: 5, 2: 1, 3: 0, 4: 4 })),
		],
		[
			"with a target that is cut",
			ruleOf(
				2,
				expressionOf("target", { 1: zeroEnded("DNAT"), 2: 2, 3: u8(1) }),
			),
		],
	])("%s is refused", (_, bytes) =>
		expect(() => read(bytes)).toThrow(DecodeError),
	);
	test("without its header is refused", () =>
		expect(() => read(message({ type: 0x0a06, seq: 1 }, u8(2)))).toThrow(
			DecodeError,
		));
});

test("damaged, recorded rules are refused or read, and nothing else happens", () => {
	const b = new RecvBuffer(8192);
	let decoded = 0;
	for (const name of RULESETS) {
		const [all, messages] = rulesetMessages(name);
		for (const [i, m] of messages.entries()) {
			if (m.type !== 0x0a06) continue;
			const whole = all.bytes.slice(m.start, m.end);
			const attrs = attributesOf(whole.subarray(20));
			const textAt = (type: number): string =>
				new TextDecoder().decode(attrs.get(type)?.subarray(0, -1));
			const chain = { ...CHAIN, table: textAt(1), chain: textAt(2) };
			for (let seed = 0; seed < 20; seed++) {
				const bytes = damaged(random(1000 * i + seed), whole);
				if (bytes.length < 16) continue;
				// the buffer ends with the message, as after a full datagram
				const at = (8192 - bytes.length) & ~3;
				b.bytes.set(bytes, at);
				const cut = {
					type: m.type,
					flags: 2,
					seq: 1,
					start: at,
					end: at + bytes.length,
				};
				try {
					const family = b.bytes[at + 16] ?? 0;
					const rule = readRule(b, cut, { ...chain, family }, EVERYTHING);
					if (rule) decoded++;
				} catch (e) {
					expect(e).toBeInstanceOf(DecodeError);
				}
			}
		}
	}
	expect(decoded).toBeGreaterThan(100);
});
