// The reader of messages and attributes: a length that does not fit is a DecodeError.

import { describe, expect, test } from "vitest";
import { familyOf, ipBytes } from "../../../../src/net/ip.ts";
import { DecodeError, NetlinkError } from "../../../../src/netlink/nl.ts";
import {
	attributes,
	errnoOf,
	errorText,
	messageAt,
	after as nextAfter,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import {
	attr,
	concat,
	hex,
	message,
	nest,
	toHex,
	u8,
	u32,
} from "../../../support/entries.ts";

/** A receive buffer that begins with `bytes`; an earlier datagram has left the rest. */
function received(bytes: Uint8Array): RecvBuffer {
	const b = new RecvBuffer(1024);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	return b;
}

describe("messageAt", () => {
	test("reads a header and where the payload ends", () => {
		const bytes = hex(`
			15000000  # nlmsg_len 21
			0001      # nlmsg_type
			0203      # nlmsg_flags
			feffffff  # nlmsg_seq
			2a000000  # nlmsg_pid
			01020304 05`);
		const want = {
			type: 0x100,
			flags: 0x302,
			seq: 0xfffffffe,
			start: 0,
			end: 21,
		};
		const m = messageAt(received(bytes), 0, bytes.length);
		expect(m).toEqual(want);
		expect(nextAfter(m)).toBe(24);
	});

	test("reads the second of two", () => {
		const first = message({ type: 1 }, u32(0));
		const bytes = concat(first, message({ type: 2, seq: 9 }));
		const m = messageAt(received(bytes), first.length, bytes.length);
		expect(m).toMatchObject({ type: 2, seq: 9, start: 20, end: 36 });
	});

	test.each([
		["nothing left", "", 0],
		["a header cut short", "10000000 0100 0000 01000000 000000", 15],
		[
			"a length of 0, which would never end",
			"00000000 0100 0000 01000000 00000000",
			16,
		],
		[
			"a length less than the header",
			"0f000000 0100 0000 01000000 00000000",
			16,
		],
		[
			"a length beyond the datagram by one",
			"11000000 0100 0000 01000000 00000000",
			16,
		],
		["the greatest length", "ffffffff 0100 0000 01000000 00000000", 16],
		[
			"a length that is negative as 32 bits",
			"00000080 0100 0000 01000000 00000000",
			16,
		],
	])("refuses %s", (_, bytes, length) =>
		expect(() => messageAt(received(hex(bytes)), 0, length)).toThrow(
			DecodeError,
		),
	);

	test("does not take what an earlier datagram left behind the end", () => {
		const b = received(message({ type: 1 }, u32(0), u32(0)));
		expect(() => messageAt(b, 0, 20)).toThrow(DecodeError);
	});

	test("reads a last message that is not aligned, and after it is the end", () => {
		const bytes = message({ type: 1 }, u8(7));
		const m = messageAt(received(bytes), 0, 17);
		expect(m.end).toBe(17);
		expect(nextAfter(m)).toBeGreaterThanOrEqual(17);
	});
});

describe("attributes", () => {
	/** `type:payload` of each. */
	function read(bytes: Uint8Array, from = 0, to = bytes.length): string[] {
		const found: string[] = [];
		const b = received(bytes);
		attributes(b, from, to, (type, at, length) =>
			found.push(`${type}:${toHex(b.bytes.subarray(at, at + length))}`),
		);
		return found;
	}

	test.each([
		["none", "", []],
		["one", "0800 0100 01020304", ["1:01020304"]],
		["an empty one", "0400 0700", ["7:"]],
		[
			"padding between two",
			"0500 0100 ab000000 0600 0200 12340000",
			["1:ab", "2:1234"],
		],
		["the last one without its padding", "0500 0100 ab", ["1:ab"]],
		[
			"flag bits masked",
			"0500 0180 01000000 0500 0240 02000000",
			["1:01", "2:02"],
		],
		["the greatest type", "0400 ff3f", ["16383:"]],
		[
			"fewer than four bytes at the end are padding",
			"0400 0100 0000 00",
			["1:"],
		],
	])("%s", (_, bytes, want) => expect(read(hex(bytes))).toEqual(want));

	test.each([
		["nla_len 0, which would never end", "0000 0100"],
		["nla_len 3", "0300 0100"],
		["nla_len one too long", "0600 0100 00"],
		["nla_len far too long", "ffff 0100 00000000"],
		["a fault behind a good one", "0800 0100 01020304 0900 0200 01020304"],
	])("refuses %s", (_, bytes) =>
		expect(() => read(hex(bytes))).toThrow(DecodeError),
	);

	test("stays inside of the nest that it is given", () => {
		const bytes = concat(nest(1, attr(2, u32(5))), attr(3, u32(6)));
		expect(read(bytes, 4, 12)).toEqual(["2:05000000"]);
		expect(() => read(bytes, 4, 11)).toThrow(DecodeError);
	});

	test("an unaligned end does not hide the last one or invent another", () => {
		expect(read(hex("0600 0100 abcd 0800"), 0, 6)).toEqual(["1:abcd"]);
	});
});

describe("errnoOf", () => {
	test.each([
		["an acknowledgement is 0", { type: 2 }, "00000000", 0],
		["-ENOENT", { type: 2 }, "feffffff", 2],
		["-ENOBUFS", { type: 2 }, "97ffffff", 105],
		["a DONE that ends well", { type: 3 }, "00000000", 0],
		["a DONE that ends in an error", { type: 3 }, "fcffffff", 4],
		["a DONE without payload ends well", { type: 3 }, "", 0],
		["a DONE of two bytes ends well", { type: 3 }, "0000", 0],
	])("%s", (_, head, payload, want) => {
		const bytes = message(head, hex(payload));
		const b = received(bytes);
		// + 0, because zero comes as -0
		expect(errnoOf(b, messageAt(b, 0, bytes.length)) + 0).toBe(want);
	});

	test.each(["", "fe", "feffff"])("refuses an error of %j", (payload) => {
		const bytes = message({ type: 2 }, hex(payload));
		const b = received(bytes);
		expect(() => errnoOf(b, messageAt(b, 0, bytes.length))).toThrow(
			DecodeError,
		);
	});
});

describe("errorText", () => {
	const EINVAL = u32(-22 >>> 0);
	const CAPPED = 0x100;
	const TLVS = 0x200;
	const TEXT = attr(1, hex("6e6f2077617900")); // "no way"
	const OFFSET = attr(2, u32(20));
	const request = message({ type: 0x0102 }, u32(2));
	const header = request.subarray(0, 16);
	const unaligned = message({ type: 0x0102 }, u8(2));

	test.each([
		["after the whole request", TLVS, [EINVAL, request, TEXT], "no way"],
		[
			"after the header alone, if capped, however long the request was",
			TLVS | CAPPED,
			[EINVAL, u32(20_000), header.subarray(4), TEXT],
			"no way",
		],
		[
			"after the header alone, if capped",
			TLVS | CAPPED,
			[EINVAL, header, TEXT],
			"no way",
		],
		[
			"after a request of unaligned length and its padding",
			TLVS,
			[EINVAL, unaligned, hex("000000"), TEXT],
			"no way",
		],
		[
			"among other attributes",
			TLVS,
			[EINVAL, request, OFFSET, TEXT, OFFSET],
			"no way",
		],
		["without its NUL", TLVS, [EINVAL, request, attr(1, hex("6e6f"))], "no"],
		["empty", TLVS, [EINVAL, request, attr(1)], ""],
		["only other attributes", TLVS, [EINVAL, request, OFFSET], undefined],
		[
			"no attributes although the flag is set",
			TLVS,
			[EINVAL, request],
			undefined,
		],
		[
			"no flag: what follows is not read",
			0,
			[EINVAL, request, TEXT],
			undefined,
		],
		["no request at all", TLVS, [EINVAL], undefined],
		[
			"a request cut short",
			TLVS | CAPPED,
			[EINVAL, header.subarray(0, 15)],
			undefined,
		],
	])("%s", (_, flags, parts, want) => {
		const bytes = message({ type: 2, flags }, ...parts);
		const b = received(bytes);
		expect(errorText(b, messageAt(b, 0, bytes.length))).toBe(want);
	});

	test.each([[0x7ffffff0], [0x80000000], [0xfffffff0], [0xffffffff], [200]])(
		"a request that claims %i bytes is not believed",
		(size) => {
			const liar = concat(u32(size), request.subarray(4));
			const bytes = message({ type: 2, flags: TLVS }, EINVAL, liar, TEXT);
			const b = received(bytes);
			expect(errorText(b, messageAt(b, 0, bytes.length))).toBeUndefined();
		},
	);

	test("a text whose length does not fit is a DecodeError", () => {
		const bytes = message(
			{ type: 2, flags: TLVS },
			EINVAL,
			request,
			hex("ff00 0100"),
		);
		const b = received(bytes);
		expect(() => errorText(b, messageAt(b, 0, bytes.length))).toThrow(
			DecodeError,
		);
	});

	test("is of errors, not of other messages", () => {
		const bytes = message({ type: 0x100, flags: TLVS }, EINVAL, request, TEXT);
		const b = received(bytes);
		expect(errorText(b, messageAt(b, 0, bytes.length))).toBeUndefined();
	});
});

describe("an address of the buffer", () => {
	const b = new RecvBuffer(64);
	const read = (ip: string): string => {
		b.bytes.fill(0xa5);
		b.bytes.set(ipBytes(ip), 8);
		return b.ip(2, familyOf(ip));
	};
	test("is what stands there now, also after one whose words are the same in another order", () => {
		const ips = [
			"192.0.2.1",
			"192.0.2.2",
			"fd00::1",
			"fd00::1:0:0",
			"fd00:0:0:1::",
			"::fd00:0:0:1",
			"0:1:fd00::",
			"::1",
			"::",
			"fd00::1",
		];
		for (const ip of [...ips, ...ips]) expect(read(ip)).toBe(ip);
	});

	test("is right also when there are more than are remembered", () => {
		for (let round = 0; round < 2; round++)
			for (let i = 1; i < 1500; i++) {
				const ip = `fd00::${i.toString(16)}`;
				expect(read(ip)).toBe(ip);
			}
	});
});

describe("NetlinkError", () => {
	test.each([
		["a known errno has its name", 1, undefined, "count: EPERM"],
		[
			"the kernel's text stands behind",
			22,
			"bad flag",
			"count: EINVAL (bad flag)",
		],
		["an unknown errno is a number", 77, undefined, "count: errno 77"],
		["no text, no brackets", 105, "", "count: ENOBUFS"],
	])("%s", (_, errno, text, want) => {
		const e = new NetlinkError("count", errno, text);
		expect(e.message).toBe(want);
		expect(e.errno).toBe(errno);
	});
});
