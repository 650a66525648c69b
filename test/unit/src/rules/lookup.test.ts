// Lookups in sets and maps whose shapes the recorded rules do not have.

import { describe, expect, test } from "vitest";
import { hitsOf } from "../../../../src/rules/lookup.ts";
import { Registers } from "../../../../src/rules/registers.ts";
import { hex, toHex } from "../../../support/entries.ts";
import {
	chainNamed,
	type KnownSet,
	knowing,
} from "../../../support/unit/knowing.ts";
import { packetIn } from "../../../support/unit/rulesets.ts";

/** The keys of what is found: `?` for some element that nobody knows, `-` if nothing may be. */
function found(
	set: KnownSet,
	key: string | undefined,
	{ to = undefined as number | undefined, isInverted = false } = {},
): string {
	const registers = new Registers();
	if (key === undefined)
		registers.load(
			{ is: "unknown", to: 0, length: 16 },
			packetIn("udp 192.0.2.7 > 203.0.113.1:1"),
		);
	else registers.store(0, hex(key));
	const { hits, misses } = hitsOf(
		knowing({}, { s: set }),
		chainNamed("c"),
		{ is: "lookup", set: "s", from: 0, to, isInverted },
		registers,
	);
	const keys = hits.map((e) => (e.isCatchAll ? "*" : toHex(e.key) || "?"));
	return [...keys, ...(misses ? ["-"] : [])].join(" ");
}

const at = (key: string, more: object = {}): object => ({
	key: hex(key),
	...more,
});
const end = (key: string): object => at(key, { isEnd: true });
const OTHERS = { isCatchAll: true };
const PLAIN: KnownSet = { elements: [at("0010"), at("0020"), at("0110")] };
const INTERVALS: KnownSet = {
	shape: { isInterval: true },
	elements: [
		end("0000"),
		at("0010"),
		end("0020"),
		at("0020"),
		end("0030"),
		at("ff00"),
	],
};
const SHUFFLED: KnownSet = {
	...INTERVALS,
	elements: INTERVALS.elements.toReversed(),
};
const PARTS: KnownSet = {
	shape: { isInterval: true, keyLength: 8, parts: [4, 2] },
	elements: [
		at("0a000000 00100000", { keyEnd: hex("0a0000ff 001f0000") }),
		at("0b000001 00500000"),
	],
};

describe("a key that is known", () => {
	test.each<[string, KnownSet, string, string]>([
		["of an element", PLAIN, "0020", "0020"],
		["of no element", PLAIN, "0021", "-"],
		[
			"of no element, with one for all others",
			{ elements: [at("0010"), OTHERS] },
			"0021",
			"*",
		],
		[
			"of an element, with one for all others",
			{ elements: [OTHERS, at("0010")] },
			"0010",
			"0010",
		],
		[
			"of an element with a limit",
			{ elements: [at("0010", { isLimited: true })] },
			"0010",
			"0010 -",
		],
		["before the first interval", INTERVALS, "000f", "-"],
		["at the beginning of an interval", INTERVALS, "0010", "0010"],
		["at the last of an interval", INTERVALS, "001f", "0010"],
		["where one interval ends and another begins", INTERVALS, "0020", "0020"],
		["the same, in the other order", SHUFFLED, "0020", "0020"],
		["where an interval ends", INTERVALS, "0030", "-"],
		["in an interval without an end", INTERVALS, "ffff", "ff00"],
		[
			"in no interval, with an element for all others",
			{ ...INTERVALS, elements: [...INTERVALS.elements, OTHERS] },
			"0030",
			"*",
		],
		[
			"in the ranges of all parts",
			PARTS,
			"0a000080 00100000",
			"0a000000 00100000",
		],
		[
			"at the ends of the ranges",
			PARTS,
			"0a0000ff 001f0000",
			"0a000000 00100000",
		],
		["after the range of one part", PARTS, "0a000080 00200000", "-"],
		["after the range of another part", PARTS, "0a000100 00100000", "-"],
		[
			"of a single value in each part",
			PARTS,
			"0b000001 00500000",
			"0b000001 00500000",
		],
		["beside a single value", PARTS, "0b000001 00510000", "-"],
	])("%s", (_, set, key, want) => expect(found(set, key)).toBe(want));
});

describe("a key that is not known", () => {
	test("finds every element, and none", () =>
		expect(found(PLAIN, undefined)).toBe("0010 0020 0110 -"));
	test("finds every interval, and none", () =>
		expect(found(INTERVALS, undefined)).toBe("0010 0020 ff00 -"));
	test("finds those that agree with its known bytes", () => {
		const registers = new Registers();
		registers.store(0, hex("01"));
		registers.load(
			{ is: "unknown", to: 4, length: 1 },
			packetIn("udp 192.0.2.7 > 203.0.113.1:1"),
		);
		registers.load(
			{ is: "bitwise", from: 4, to: 1, mask: hex("ff"), xor: hex("00") },
			packetIn("udp 192.0.2.7 > 203.0.113.1:1"),
		);
		const step = {
			is: "lookup",
			set: "s",
			from: 0,
			to: undefined,
			isInverted: false,
		} as const;
		const { hits, misses } = hitsOf(
			knowing({}, { s: PLAIN }),
			chainNamed("c"),
			step,
			registers,
		);
		expect(hits.map((e) => toHex(e.key))).toEqual(["0110"]);
		expect(misses).toBe(true);
	});
});

describe("a set that changes", () => {
	const TIMED: KnownSet = { ...PLAIN, shape: { changes: true } };
	const LEARNED: KnownSet = { ...PLAIN, shape: { changes: true, grows: true } };
	test("hits and misses", () => expect(found(TIMED, "0099")).toBe("? -"));
	test("gives each of its data, if it is a map", () =>
		expect(found(TIMED, "0010", { to: 0 })).toBe("0010 0020 0110 -"));
	test("gives data that nobody knows, if packets add them", () =>
		expect(found(LEARNED, "0010", { to: 0 })).toBe("? -"));
});

describe("an inverted lookup", () => {
	const inverted = { isInverted: true };
	test("of an element", () =>
		expect(found(PLAIN, "0010", inverted)).toBe("0010"));
	test("of none", () => expect(found(PLAIN, "0011", inverted)).toBe("-"));
	// nft_lookup_eval goes on if there is an element for all others
	test("in a set with an element for all others", () =>
		expect(found({ elements: [at("0010"), OTHERS] }, "0010", inverted)).toBe(
			"-",
		));
});

test("a set that has not been read finds nothing yet", () =>
	expect(
		hitsOf(
			knowing({}),
			chainNamed("c"),
			{ is: "lookup", set: "s", from: 0, to: undefined, isInverted: false },
			new Registers(),
		),
	).toEqual({ hits: [], misses: true }));
