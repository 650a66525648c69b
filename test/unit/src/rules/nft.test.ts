// The requests to nf_tables, and its answers: chains, sets and elements.

import { describe, expect, test } from "vitest";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import {
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import {
	getChains,
	getElement,
	getElements,
	getGeneration,
	getRulesOf,
	getSet,
	readBaseChain,
	readElements,
	readGeneration,
	readSet,
} from "../../../../src/rules/nft.ts";
import { damaged } from "../../../fuzz/mutate.ts";
import {
	attr,
	be32,
	hex,
	message,
	nest,
	nfgenmsg,
	toHex,
} from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";
import { chainNamed } from "../../../support/unit/knowing.ts";
import {
	dataOf,
	expressionOf,
	verdictOf,
	zeroEnded,
} from "../../../support/unit/nftexpressions.ts";
import { RULESETS, rulesetMessages } from "../../../support/unit/rulesets.ts";

const CHAIN = chainNamed("c");

describe("what is asked", () => {
	const rows: [string, (w: Writer) => void, string][] = [
		[
			"the generation",
			(w) => getGeneration(w, 5),
			"14000000 100a0100 05000000 00000000 00000000",
		],
		[
			"the chains",
			(w) => getChains(w, 5),
			"14000000 040a0103 05000000 00000000 00000000",
		],
		[
			"the rules of a chain",
			(w) => getRulesOf(w, 5, CHAIN),
			"24000000 070a0103 05000000 00000000 02000000 06000100 74000000 06000200 63000000",
		],
		[
			"a set",
			(w) => getSet(w, 5, CHAIN, "s"),
			"24000000 0a0a0100 05000000 00000000 02000000 06000100 74000000 06000200 73000000",
		],
		[
			"the elements",
			(w) => getElements(w, 5, CHAIN, "s"),
			"24000000 0d0a0103 05000000 00000000 02000000 06000100 74000000 06000200 73000000",
		],
		[
			"one element",
			(w) => getElement(w, 5, CHAIN, "s", hex("0035")),
			"38000000 0d0a0100 05000000 00000000 02000000 06000100 74000000 06000200 73000000 14000380 10000180 0c000180 06000100 00350000",
		],
		[
			"the element for all other keys",
			(w) => getElement(w, 5, CHAIN, "s", undefined),
			"34000000 0d0a0100 05000000 00000000 02000000 06000100 74000000 06000200 73000000 10000380 0c000180 08000300 00000002",
		],
	];
	test.each(rows)("%s", (_, write, want) => {
		const w = new Writer(16);
		write(w);
		expect(toHex(w.bytes())).toBe(want);
	});
});

function reading<T>(
	read: (b: RecvBuffer, m: Message) => T,
): (bytes: Uint8Array) => T {
	return (bytes) => {
		const b = new RecvBuffer(4096);
		b.bytes.fill(0xa5);
		b.bytes.set(bytes);
		const found = read(b, messageAt(b, 0, bytes.length));
		b.bytes.fill(0);
		return found;
	};
}

describe("generation", () => {
	const read = reading(readGeneration);
	test("is a number", () =>
		expect(read(message({ type: 0x0a0f }, nfgenmsg(0), attr(1, be32(9))))).toBe(
			9,
		));
	test("that is absent is refused", () =>
		expect(() => read(message({ type: 0x0a0f }, nfgenmsg(0)))).toThrow(
			DecodeError,
		));
});

describe("base chain", () => {
	const read = reading(readBaseChain);
	const chain = (
		hook: number | undefined,
		{ type = "nat", policy = 1, priority = -100 } = {},
	): Uint8Array =>
		message(
			{ type: 0x0a03 },
			nfgenmsg(1),
			attr(1, zeroEnded("t")),
			attr(3, zeroEnded("c")),
			attr(2, be32(0), be32(1)),
			...(hook === undefined
				? []
				: [
						nest(4, attr(1, be32(hook)), attr(2, be32(priority >>> 0))),
						attr(5, be32(policy)),
						attr(7, zeroEnded(type)),
					]),
			attr(6, be32(3)),
		);
	const BASE = {
		backend: "nft",
		family: 1,
		table: "t",
		chain: "c",
		hook: "prerouting",
		priority: -100,
		policy: "accept",
	};
	test.each([
		["of the hook prerouting", chain(0), BASE],
		["of the hook output", chain(3), { ...BASE, hook: "output" }],
		[
			"with another priority",
			chain(0, { priority: -90 }),
			{ ...BASE, priority: -90 },
		],
		["that drops", chain(0, { policy: 0 }), { ...BASE, policy: "drop" }],
		["of the hook postrouting", chain(4), undefined],
		["of another type", chain(0, { type: "filter" }), undefined],
		["that no hook calls", chain(undefined), undefined],
		["without anything", message({ type: 0x0a03 }, nfgenmsg(1)), undefined],
	])("%s", (_, bytes, want) => expect(read(bytes)).toEqual(want));
	test("that is cut is refused", () => {
		const bytes = message(
			{ type: 0x0a03 },
			nfgenmsg(1),
			hex("02000100 00000000"),
		);
		expect(() => read(bytes)).toThrow(DecodeError);
	});
});

describe("set", () => {
	const read = reading(readSet);
	const set = (
		flags: number,
		keyLength: number,
		...more: Uint8Array[]
	): Uint8Array =>
		message(
			{ type: 0x0a09 },
			nfgenmsg(2),
			attr(3, be32(flags)),
			attr(5, be32(keyLength)),
			...more,
		);
	const concatenated = nest(
		9,
		nest(2, nest(1, attr(1, be32(4))), nest(1, attr(1, be32(2)))),
	);
	const PLAIN = {
		keyLength: 4,
		isInterval: false,
		parts: [],
		changes: false,
		grows: false,
	};
	test.each([
		["of single keys", set(0, 4), PLAIN],
		["of intervals", set(4, 4), { ...PLAIN, isInterval: true }],
		[
			"of concatenated ranges",
			set(0x84, 8, concatenated),
			{ ...PLAIN, keyLength: 8, isInterval: true, parts: [4, 2] },
		],
		[
			"of concatenated keys",
			set(0x80, 8, concatenated),
			{ ...PLAIN, keyLength: 8 },
		],
		["that time changes", set(0x10, 4), { ...PLAIN, changes: true }],
		[
			"that packets change",
			set(0x20, 4),
			{ ...PLAIN, changes: true, grows: true },
		],
		[
			"with a part of two bytes, not a number",
			set(0x84, 8, nest(9, nest(2, nest(1, attr(1, hex("0004")))))),
			{ ...PLAIN, keyLength: 8, isInterval: true },
		],
	])("%s", (_, bytes, want) => expect(read(bytes)).toEqual(want));
	test.each([0, 65, 0xffffffff])("with keys of %i bytes is refused", (length) =>
		expect(() => read(set(0, length))).toThrow(DecodeError),
	);
});

describe("element", () => {
	const read = reading(readElements);
	const list = (...elements: Uint8Array[]): Uint8Array =>
		message(
			{ type: 0x0a0c },
			nfgenmsg(2),
			nest(3, ...elements.map((e) => nest(1, e))),
		);
	const key = nest(1, dataOf(hex("0035")));
	const ELEMENT = {
		key: hex("0035"),
		keyEnd: undefined,
		isEnd: false,
		isCatchAll: false,
		isLimited: false,
		data: undefined,
	};
	const elementWith = (...more: Uint8Array[]): Uint8Array => {
		const parts = [key, ...more];
		return Uint8Array.from(parts.flatMap((p) => [...p]));
	};
	const expression = (name: string): Uint8Array => expressionOf(name).slice(4);
	test.each([
		["of a set", elementWith(), ELEMENT],
		[
			"of a map",
			elementWith(nest(2, dataOf(hex("0a000001")))),
			{ ...ELEMENT, data: hex("0a000001") },
		],
		[
			"with a verdict",
			elementWith(nest(2, verdictOf(-4, "x"))),
			{ ...ELEMENT, data: { is: "goto", chain: "x" } },
		],
		["with the verdict to go on", elementWith(nest(2, verdictOf(-1))), ELEMENT],
		[
			"that ends an interval",
			elementWith(attr(3, be32(1))),
			{ ...ELEMENT, isEnd: true },
		],
		[
			"with the end of a range",
			elementWith(nest(10, dataOf(hex("0036")))),
			{ ...ELEMENT, keyEnd: hex("0036") },
		],
		[
			"for all other keys",
			attr(3, be32(2)),
			{ ...ELEMENT, key: new Uint8Array(), isCatchAll: true },
		],
		["that counts", elementWith(nest(7, expression("counter"))), ELEMENT],
		[
			"with a limit",
			elementWith(nest(7, expression("limit"))),
			{ ...ELEMENT, isLimited: true },
		],
		[
			"that counts and has a quota",
			elementWith(nest(11, expressionOf("counter"), expressionOf("quota"))),
			{ ...ELEMENT, isLimited: true },
		],
	])("%s", (_, bytes, want) => expect(read(list(bytes))).toEqual([want]));
	test("after another", () =>
		expect(
			read(list(elementWith(), elementWith(attr(3, be32(1))))),
		).toHaveLength(2));
});

test("damaged, recorded answers are refused or read, and nothing else happens", () => {
	const readers: Readonly<
		Record<number, (b: RecvBuffer, m: Message) => unknown>
	> = {
		2563: readBaseChain,
		2569: readSet,
		2572: readElements,
	};
	const b = new RecvBuffer(8192);
	let refused = 0;
	let read = 0;
	for (const name of RULESETS) {
		const [all, messages] = rulesetMessages(name);
		for (const [i, m] of messages.entries()) {
			const reader = readers[m.type];
			if (!reader) continue;
			for (let seed = 0; seed < 60; seed++) {
				const bytes = damaged(
					random(1000 * i + seed),
					all.bytes.slice(m.start, m.end),
				);
				if (bytes.length < 16) continue;
				// the buffer ends with the message, as after a full datagram
				const at = (8192 - bytes.length) & ~3;
				b.bytes.set(bytes, at);
				try {
					reader(b, {
						type: m.type,
						flags: 2,
						seq: 1,
						start: at,
						end: at + bytes.length,
					});
					read++;
				} catch (e) {
					expect(e).toBeInstanceOf(DecodeError);
					refused++;
				}
			}
		}
	}
	expect(read).toBeGreaterThan(100);
	expect(refused).toBeGreaterThan(100);
});
