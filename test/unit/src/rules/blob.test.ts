// Reading C structs: byte order, and lengths that are too short.

import { expect, test } from "vitest";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { need, textAt, u16, u32 } from "../../../../src/rules/blob.ts";
import {
	concat,
	hex,
	u16 as word16,
	u32 as word32,
} from "../../../support/entries.ts";
import { viewOf } from "../../../support/unit/blobs.ts";

test("integers are in host order, at any offset", () => {
	const view = viewOf(concat(hex("ff"), word16(8125), word32(0xfedcba98)));
	expect(u16(view, 1)).toBe(8125);
	expect(u32(view, 3)).toBe(0xfedcba98);
});

test("a struct that just fits is long enough, and a shorter one is named", () => {
	expect(() => need(viewOf(new Uint8Array(9)), 9, "match udp")).not.toThrow();
	expect(() => need(viewOf(new Uint8Array(8)), 9, "match udp")).toThrow(
		new DecodeError("match udp of 8 bytes"),
	);
});

test.each([
	["ends at its NUL", "6e6174 00 78", "nat"],
	["fills its field", "6e6174 6e61", "natna"],
	["is empty", "00 6e6174 6e", ""],
])("a text %s", (_, bytes, want) =>
	expect(textAt(hex(`78 ${bytes} 78`), 1, 5)).toBe(want),
);
