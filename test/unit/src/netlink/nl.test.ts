// The writer of messages and attributes, byte for byte. The vectors are of little-endian
// machines.

import { describe, expect, test } from "vitest";
import { be32, Writer } from "../../../../src/netlink/nl.ts";
import { hex, toHex } from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";

/** Compares what `write` writes with bytes in hex, whatever the writer's first capacity. */
function expectBytes(write: (w: Writer) => void, want: string): void {
	for (const capacity of [512, 0, 1, 4, 16, 20, 24, 28, 32, 36, 40]) {
		const w = new Writer(capacity);
		write(w);
		expect(toHex(w.bytes()), `capacity ${capacity}`).toBe(toHex(hex(want)));
	}
}

describe("a message", () => {
	test.each([
		[
			"without a body is its header",
			(w: Writer) => w.message(0x0102, 0x0305, 42, () => {}),
			`10000000  # nlmsg_len
			 0201      # nlmsg_type
			 0503      # nlmsg_flags
			 2a000000  # nlmsg_seq
			 00000000  # nlmsg_pid`,
		],
		[
			"of each kind of attribute is padded to four bytes, with lengths unpadded",
			(w: Writer) =>
				w.message(1, 2, 3, () => {
					w.header([10, 0, 0, 0]);
					w.u8(1, 0xab);
					w.u16be(2, 0x1234);
					w.u32(3, be32(0xdeadbeef));
					w.u32(4, 0xdeadbeef);
					w.raw(5, Uint8Array.of(1, 2, 3, 4, 5));
					w.raw(6, Uint8Array.of());
					w.string(7, "lo");
				}),
			`4c000000 0100 0200 03000000 00000000
			 0a000000
			 0500 0100 ab000000           # u8
			 0600 0200 12340000           # u16be
			 0800 0300 deadbeef           # be32
			 0800 0400 efbeadde           # u32, host order
			 0900 0500 01020304 05000000  # raw, 5 bytes
			 0400 0600                    # raw, empty
			 0700 0700 6c6f0000           # string with its NUL`,
		],
		[
			"with nests patches the length of each when it ends",
			(w: Writer) =>
				w.message(1, 0, 1, () => {
					w.nested(1, () => {
						w.nested(2, () => w.u8(1, 17));
						w.nested(3, () => {});
						w.u16be(4, 1);
					});
					w.u8(5, 1);
				}),
			`34000000 0100 0000 01000000 00000000
			 1c00 0180                 # the outer one: 4 + 12 + 4 + 8
			 0c00 0280 0500 0100 11000000
			 0400 0380                 # empty
			 0600 0400 00010000
			 0500 0500 01000000`,
		],
		[
			"follows the one before",
			(w: Writer) => {
				w.message(1, 0, 1, () => w.header([1]));
				w.message(2, 0, 2, () => {});
			},
			`14000000 0100 0000 01000000 00000000 01000000
			 10000000 0200 0000 02000000 00000000`,
		],
		[
			"keeps numbers of 32 bits whole",
			(w: Writer) => w.message(0xffff, 0xffff, 0xffffffff, () => {}),
			"10000000 ffff ffff ffffffff 00000000",
		],
	])("%s", (_, write, want) => expectBytes(write, want));

	test.each([
		["alone", 0],
		["after others", 3],
	])("whose body throws leaves no trace: %s", (_, before) => {
		const w = new Writer(16);
		const fine = (seq: number): void =>
			w.message(1, 0, seq, () => w.u32(1, be32(seq)));
		for (let seq = 0; seq < before; seq++) fine(seq);
		const whole = toHex(w.bytes());
		const fault = new Error("no");
		expect(() =>
			w.message(2, 0, 9, () => {
				w.nested(1, () => {
					w.raw(1, new Uint8Array(100).fill(0xee));
					throw fault;
				});
			}),
		).toThrow(fault);
		expect(toHex(w.bytes())).toBe(whole);
		// and none is left in the padding of the next attribute
		w.message(3, 0, 7, () => w.u8(1, 1));
		expect(toHex(w.bytes().subarray(whole ? 24 * before : 0))).toBe(
			toHex(hex("18000000 0300 0000 07000000 00000000 0500 0100 01000000")),
		);
	});
});

test("clear begins again, without what was there", () => {
	const w = new Writer();
	w.message(1, 1, 1, () => w.raw(1, new Uint8Array(64).fill(0xff)));
	w.clear();
	expect(w.length).toBe(0);
	w.message(3, 5, 42, () => w.raw(1, Uint8Array.of(1)));
	expect(toHex(w.bytes())).toBe(
		toHex(hex("18000000 0300 0500 2a000000 00000000 0500 0100 01000000")),
	);
});

test("a writer that had to grow at any byte holds the same", () => {
	const r = random(1);
	const write = (w: Writer, parts: readonly Uint8Array[]): void =>
		w.message(1, 2, 3, () => {
			for (const part of parts) {
				w.header([...part]);
				w.raw(1, part);
				w.string(2, "x".repeat(part.length));
				w.nested(3, () => {
					w.u8(1, 1);
					w.u16be(2, 2);
					w.u32(3, be32(3));
					w.u32(4, 4);
				});
			}
		});
	for (let n = 0; n < 200; n++) {
		const parts = Array.from({ length: 1 + r.below(5) }, () =>
			r.bytes(r.below(20)),
		);
		const large = new Writer(4096);
		write(large, parts);
		const small = new Writer(r.below(large.length));
		write(small, parts);
		expect(toHex(small.bytes())).toBe(toHex(large.bytes()));
	}
});
