// The attributes of an expression, and bytes that no kernel sends.

import { describe, expect, test } from "vitest";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	dataIn,
	ExpressionFields,
	verdictIn,
} from "../../../../src/rules/fields.ts";
import { attr, be32, concat, hex, nest, u8 } from "../../../support/entries.ts";
import {
	dataOf,
	verdictOf,
	zeroEnded,
} from "../../../support/unit/nftexpressions.ts";

function buffer(bytes: Uint8Array): RecvBuffer {
	const b = new RecvBuffer((bytes.length + 3) & ~3);
	b.bytes.set(bytes);
	return b;
}

function fields(...bytes: Uint8Array[]): ExpressionFields {
	const all = concat(...bytes);
	const b = buffer(all);
	return new ExpressionFields(b).read(b, 0, all.length);
}

describe("an attribute", () => {
	const f = fields(
		attr(1, be32(7)),
		attr(2, u8(7)),
		attr(3, zeroEnded("nat")),
		nest(4, dataOf(hex("0a0b"))),
		attr(99, be32(1)),
	);
	test("is a number", () => expect(f.number(1)).toBe(7));
	test("is no number if it has another length", () =>
		expect(f.number(2, 5)).toBe(5));
	test("is absent", () => {
		expect(f.number(9)).toBe(0);
		expect(f.text(9)).toBe("");
		expect(f.has(9)).toBe(false);
		expect(f.data(9)).toEqual(new Uint8Array());
		expect(f.blob(9).byteLength).toBe(0);
	});
	test("is a text", () => expect(f.text(3)).toBe("nat"));
	test("is data", () => expect(f.data(4)).toEqual(hex("0a0b")));
	test("is a blob of its own", () => {
		const blob = f.blob(1);
		f.b.bytes.fill(0);
		expect(blob.getUint32(0)).toBe(7);
	});
});

describe("a register", () => {
	test.each([
		[0, -1],
		[1, 0],
		[4, 48],
		[8, 0],
		[9, 4],
		[23, 60],
	])("%i is at byte %i", (n, want) =>
		expect(fields(attr(1, be32(n))).register(1)).toBe(want),
	);
	test.each([5, 7, 24, 0xffffffff])("%i does not exist", (n) =>
		expect(() => fields(attr(1, be32(n))).register(1)).toThrow(DecodeError),
	);
});

test.each([
	["a length of 3", "0300 0100 00000000"],
	["a length beyond the end", "0c00 0100 00000000"],
])("%s is refused", (_, text) =>
	expect(() => fields(hex(text))).toThrow(DecodeError),
);

describe("data", () => {
	test("of bytes", () => {
		const bytes = dataOf(hex("0a0b0c"));
		expect(dataIn(buffer(bytes), 0, bytes.length)).toEqual(hex("0a0b0c"));
	});
	test("of a verdict are no bytes", () => {
		const bytes = verdictOf(0);
		expect(dataIn(buffer(bytes), 0, bytes.length)).toBeUndefined();
	});
	test.each([
		[0, undefined, { is: "drop" }],
		[1, undefined, { is: "accept" }],
		[-1, undefined, undefined],
		[-3, "x", { is: "jump", chain: "x" }],
		[-4, "x", { is: "goto", chain: "x" }],
		[-5, undefined, { is: "return" }],
		[3, undefined, { is: "unclear" }],
	])("verdict %i %s", (code, chain, want) => {
		const bytes = verdictOf(code, chain);
		expect(verdictIn(buffer(bytes), 0, bytes.length)).toEqual(want);
	});
	test("that is neither is a verdict that is not understood", () => {
		const bytes = attr(9, be32(1));
		expect(verdictIn(buffer(bytes), 0, bytes.length)).toEqual({
			is: "unclear",
		});
	});
});
