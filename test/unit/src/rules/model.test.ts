// The few functions that all readers of rules need.

import { describe, expect, test } from "vitest";
import {
	both,
	chainKey,
	compareBytes,
	type MatchAnswer,
	not,
	onlyPorts,
	type Step,
} from "../../../../src/rules/model.ts";
import { hex } from "../../../support/entries.ts";

test.each<[MatchAnswer, MatchAnswer, MatchAnswer]>([
	["yes", "yes", "yes"],
	["yes", "no", "no"],
	["yes", "maybe", "maybe"],
	["no", "no", "no"],
	["no", "maybe", "no"],
	["maybe", "maybe", "maybe"],
])("%s and %s: %s", (a, b, want) => {
	expect(both(a, b)).toBe(want);
	expect(both(b, a)).toBe(want);
});

test.each<[MatchAnswer, MatchAnswer]>([
	["yes", "no"],
	["no", "yes"],
	["maybe", "maybe"],
])("not %s: %s", (a, want) => expect(not(a)).toBe(want));

describe("bytes", () => {
	test.each([
		["0a000001", "0a000001", 0],
		["0a000001", "0a000002", -1],
		["0b000001", "0a000002", 1],
		["ff", "01", 1],
		["", "", 0],
		["0a", "0a000001", -1],
		["0b000001", "0a", 1],
	])("%s and %s", (a, b, want) =>
		expect(Math.sign(compareBytes(hex(a), hex(b)))).toBe(want),
	);
});

test("chains of other backends, families and tables have other keys", () => {
	const chain = {
		backend: "nft",
		family: 2,
		table: "nat",
		chain: "A",
	} as const;
	const keys = [
		chain,
		{ ...chain, backend: "legacy" } as const,
		{ ...chain, family: 10 },
		{ ...chain, table: "t" },
		{ ...chain, chain: "B" },
	].map(chainKey);
	expect(new Set(keys).size).toBe(5);
	expect(chainKey({ ...chain })).toBe(keys[0]);
});

describe("the only ports that a rule matches", () => {
	const port = {
		is: "payload",
		base: "transport",
		offset: 2,
		length: 2,
	} as const;
	const is = (n: number, from = 0): Step => ({
		is: "compare",
		from,
		op: "==",
		bytes: Uint8Array.of(n >> 8, n & 255),
	});
	const udp = (...ports: number[]): Step => ({
		is: "match",
		matches: () => "yes",
		ports,
	});
	const load: Step = { ...port, to: 0 };
	test.each<[string, readonly Step[], readonly number[] | undefined]>([
		["none is named", [{ is: "accept" }], undefined],
		["one, by comparison", [load, is(8125), { is: "accept" }], [8125]],
		["several, by xtables", [udp(53, 80), { is: "accept" }], [53, 80]],
		["after the verdict", [{ is: "accept" }, udp(53)], undefined],
		[
			"after a lookup for data",
			[{ is: "lookup", set: "m", from: 0, to: 16, isInverted: false }, udp(53)],
			undefined,
		],
		[
			"after a lookup that only tests",
			[
				{ is: "lookup", set: "s", from: 0, to: undefined, isInverted: false },
				udp(53),
			],
			[53],
		],
		[
			"another comparison",
			[load, { ...is(8125), op: "!=" } as Step],
			undefined,
		],
		["another register", [load, is(8125, 16)], undefined],
		[
			"the register is loaded anew",
			[load, { is: "unknown", to: 0, length: 4 }, is(8125)],
			undefined,
		],
		["the source port", [{ ...port, offset: 0, to: 0 }, is(8125)], undefined],
	])("%s", (_, steps, want) => expect(onlyPorts(steps)).toEqual(want));
});
