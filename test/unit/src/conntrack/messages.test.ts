// The messages that we send to ctnetlink, byte for byte as they were tried on a kernel.
// The vectors are of little-endian machines.

import { describe, expect, test } from "vitest";
import {
	deleteFiltered,
	deleteOne,
	getAll,
	getFill,
	getFiltered,
	type Key,
	probeKernelFlush,
	readFill,
	retireOne,
} from "../../../../src/conntrack/messages.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	attr,
	be32,
	halfOf,
	hex,
	message,
	nfgenmsg,
	toHex,
	u32,
	wordOf,
	words,
} from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import { fillMessage, GET_STATS, parse } from "../../../support/unit/tables.ts";

function encoded(write: (w: Writer) => void): string {
	const w = new Writer(4096);
	write(w);
	return toHex(w.bytes());
}

const REPLY4 = `
	1400 0180                      # CTA_TUPLE_IP
		0800 0100 0a580002         # CTA_IP_V4_SRC 10.88.0.2
		0800 0200 c0000207         # CTA_IP_V4_DST 192.0.2.7
	1c00 0280                      # CTA_TUPLE_PROTO
		0500 0100 11000000         # CTA_PROTO_NUM UDP
		0600 0200 14e90000         # CTA_PROTO_SRC_PORT 5353
		0600 0300 17700000         # CTA_PROTO_DST_PORT 6000`;
const REPLY6 = `
	2c00 0180                      # CTA_TUPLE_IP
		1400 0300 fd880000 00000000 00000000 00000002
		1400 0400 fd070000 00000000 00000000 00000007
	1c00 0280                      # CTA_TUPLE_PROTO
		0500 0100 11000000
		0600 0200 14e90000
		0600 0300 17700000`;
const KEY4: Key = {
	family: AF_INET,
	reply: words(hex(REPLY4)),
	id: wordOf(hex("9e974b6f")),
	zone: undefined,
};
const KEY6: Key = { ...KEY4, family: AF_INET6, reply: words(hex(REPLY6)) };
const ZONED: Key = { ...KEY4, zone: halfOf(hex("0007")) };

describe("the bytes", () => {
	test.each([
		[
			"getFill",
			(w: Writer) => getFill(w, 1),
			`14000000 0501 0100 01000000 00000000  # GET_STATS, REQUEST
			 00 00 0000                            # AF_UNSPEC, version 0`,
		],
		[
			"getAll",
			(w: Writer) => getAll(w, 2),
			`14000000 0101 0103 02000000 00000000  # GET, REQUEST|DUMP
			 00 00 0000                            # AF_UNSPEC: both families`,
		],
		[
			"getFiltered, IPv4",
			(w: Writer) =>
				getFiltered(w, 1, {
					family: AF_INET,
					proto: IPPROTO_UDP,
					hostPort: 8125,
				}),
			`38000000 0101 0103 01000000 00000000
			 02 00 0000
			 1800 0180 {1400 0280 {0500 0100 11000000} {0600 0300 1fbd0000}}
			 0c00 1980 {0800 0100 28000000}        # PROTO_NUM|DST_PORT`,
		],
		[
			"getFiltered, IPv6: no address, so nothing is inverted",
			(w: Writer) =>
				getFiltered(w, 1, {
					family: AF_INET6,
					proto: IPPROTO_TCP,
					hostPort: 53,
				}),
			`38000000 0101 0103 01000000 00000000
			 0a 00 0000
			 1800 0180 {1400 0280 {0500 0100 06000000} {0600 0300 00350000}}
			 0c00 1980 {0800 0100 28000000}`,
		],
		[
			"getFiltered, SCTP: no port, because the kernel compares none",
			(w: Writer) =>
				getFiltered(w, 1, {
					family: AF_INET,
					proto: IPPROTO_SCTP,
					hostPort: 53,
				}),
			`30000000 0101 0103 01000000 00000000
			 02 00 0000
			 1000 0180 {0c00 0280 {0500 0100 84000000}}
			 0c00 1980 {0800 0100 08000000}        # PROTO_NUM`,
		],
		[
			"getFiltered by the port of replies: the original tuple is neither named nor compared",
			(w: Writer) =>
				getFiltered(w, 1, {
					family: AF_INET6,
					proto: IPPROTO_UDP,
					hostPort: 8125,
					side: "reply",
				}),
			`38000000 0101 0103 01000000 00000000
			 0a 00 0000
			 1800 0280 {1400 0280 {0500 0100 11000000} {0600 0300 1fbd0000}}
			 0c00 1980 {0800 0200 28000000}        # CTA_FILTER_REPLY_FLAGS`,
		],
		[
			"remove, IPv4",
			(w: Writer) => deleteOne(w, 3, true, KEY4),
			`50000000 0201 0500 03000000 00000000  # 80 bytes, DELETE, REQUEST|ACK
			 02 00 0000
			 3400 0280 ${REPLY4}
			 0800 0c00 9e974b6f                    # CTA_ID`,
		],
		[
			"remove, IPv6, in the middle of a batch",
			(w: Writer) => deleteOne(w, 4, false, KEY6),
			`68000000 0201 0100 04000000 00000000  # 104 bytes, no ACK
			 0a 00 0000
			 4c00 0280 ${REPLY6}
			 0800 0c00 9e974b6f`,
		],
		[
			"remove, with CTA_ZONE as dumped",
			(w: Writer) => deleteOne(w, 3, true, ZONED),
			`58000000 0201 0500 03000000 00000000
			 02 00 0000
			 3400 0280 ${REPLY4}
			 0600 1200 00070000                    # CTA_ZONE 7
			 0800 0c00 9e974b6f`,
		],
		[
			"remove, with the zone of one direction inside the tuple",
			(w: Writer) =>
				deleteOne(w, 3, true, {
					...KEY4,
					reply: words(hex(`${REPLY4}\n0600 0300 00080000`)),
				}),
			`58000000 0201 0500 03000000 00000000
			 02 00 0000
			 3c00 0280 ${REPLY4}
			           0600 0300 00080000         # CTA_TUPLE_ZONE 8
			 0800 0c00 9e974b6f`,
		],
		[
			"retire: status, fixed timeout and timeout in one message, without NLM_F_CREATE",
			(w: Writer) => retireOne(w, 5, true, KEY4, 0x1aa, 2),
			`58000000 0001 0500 05000000 00000000  # NEW, REQUEST|ACK
			 02 00 0000
			 3400 0280 ${REPLY4}
			 0800 0300 000005aa                    # CTA_STATUS | IPS_FIXED_TIMEOUT
			 0800 0700 00000002                    # CTA_TIMEOUT`,
		],
		[
			"retire, with its zone",
			(w: Writer) => retireOne(w, 5, false, ZONED, 0x188, 3600),
			`60000000 0001 0100 05000000 00000000
			 02 00 0000
			 3400 0280 ${REPLY4}
			 0600 1200 00070000
			 0800 0300 00000588
			 0800 0700 00000e10`,
		],
		[
			"kernelFlush of any address",
			(w: Writer) =>
				deleteFiltered(w, 1, {
					proto: IPPROTO_UDP,
					origDport: 8125,
					origDst: undefined,
					replySrc: "10.88.0.2",
					replySport: 5353,
				}),
			`64000000 0201 0500 01000000 00000000
			 02 00 0000
			 1800 0180 {1400 0280 {0500 0100 11000000}{0600 0300 1fbd0000}}
			 2400 0280 {0c00 0180 {0800 0100 0a580002}}
			           {1400 0280 {0500 0100 11000000}{0600 0200 14e90000}}}
			 1400 1980 {0800 0100 28000000}        # PROTO_NUM|DST_PORT
			           {0800 0200 19000000}        # PROTO_NUM|IP_SRC|SRC_PORT`,
		],
		[
			"kernelFlush of one address",
			(w: Writer) =>
				deleteFiltered(w, 1, {
					proto: IPPROTO_TCP,
					origDport: 443,
					origDst: "203.0.113.10",
					replySrc: "10.88.0.2",
					replySport: 8443,
				}),
			`70000000 0201 0500 01000000 00000000
			 02 00 0000
			 2400 0180 {0c00 0180 {0800 0200 cb00710a}}
			           {1400 0280 {0500 0100 06000000}{0600 0300 01bb0000}}
			 2400 0280 {0c00 0180 {0800 0100 0a580002}}
			           {1400 0280 {0500 0100 06000000}{0600 0200 20fb0000}}
			 1400 1980 {0800 0100 2a000000}        # PROTO_NUM|DST_PORT|IP_DST
			           {0800 0200 19000000}`,
		],
		[
			"kernelFlush of what an address began",
			(w: Writer) =>
				deleteFiltered(w, 1, {
					proto: IPPROTO_UDP,
					origSrc: "10.88.0.2",
					replyDst: undefined,
					replyDport: 8125,
				}),
			`5c000000 0201 0500 01000000 00000000
			 02 00 0000
			 1c00 0180 {0c00 0180 {0800 0100 0a580002}}
			           {0c00 0280 {0500 0100 11000000}}
			 1800 0280 {1400 0280 {0500 0100 11000000}{0600 0300 1fbd0000}}
			 1400 1980 {0800 0100 09000000}        # PROTO_NUM|IP_SRC
			           {0800 0200 28000000}        # PROTO_NUM|DST_PORT`,
		],
		[
			"kernelFlush of what an address began through one address of the node",
			(w: Writer) =>
				deleteFiltered(w, 1, {
					proto: IPPROTO_TCP,
					origSrc: "10.88.0.2",
					replyDst: "203.0.113.10",
					replyDport: 443,
				}),
			`68000000 0201 0500 01000000 00000000
			 02 00 0000
			 1c00 0180 {0c00 0180 {0800 0100 0a580002}}
			           {0c00 0280 {0500 0100 06000000}}
			 2400 0280 {0c00 0180 {0800 0200 cb00710a}}
			           {1400 0280 {0500 0100 06000000}{0600 0300 01bb0000}}
			 1400 1980 {0800 0100 09000000}
			           {0800 0200 2a000000}        # PROTO_NUM|DST_PORT|IP_DST`,
		],
		[
			"the probe for kernelFlush: nobody's whole tuple, compared whole, and an unknown flag",
			(w: Writer) => probeKernelFlush(w, 1),
			`54000000 0201 0500 01000000 00000000
			 02 00 0000
			 3400 0180 {1400 0180 {0800 0100 00000000}{0800 0200 00000000}}
			           {1c00 0280 {0500 0100 11000000}{0600 0200 00000000}{0600 0300 00000000}}
			 0c00 1980 {0800 0100 3b000080}        # all parts, and 0x80000000`,
		],
	])("%s", (_, write, want) => expect(encoded(write)).toBe(toHex(hex(want))));
});

describe("readFill", () => {
	const read = (...attrs: Uint8Array[]): number => {
		const bytes = message({ type: 0x0105, seq: 1 }, u32(0), ...attrs);
		const b = new RecvBuffer(256);
		b.bytes.set(bytes);
		return readFill(b, messageAt(b, 0, bytes.length)).entries;
	};
	const MAX = attr(2, be32(262144));

	test.each([
		["none", 0],
		["one", 1],
		["more than 31 bits hold", 0xfffffffe],
	])("entries: %s", (_, n) => {
		expect(read(attr(1, be32(n)), MAX)).toBe(n);
		expect(read(MAX, attr(1, be32(n)))).toBe(n);
	});

	test.each([
		["nothing", []],
		["only the maximum", [MAX]],
		["a number of two bytes", [attr(1, hex("0001"))]],
		["an attribute that is too long", [hex("ff00 0100 00000001")]],
	])("refuses %s", (_, attrs) =>
		expect(() => read(...attrs)).toThrow(DecodeError),
	);
});

describe("the fill", () => {
	test("is what Linux 6.18 sent", () => {
		const [first] = readRecorded("stats.hex").filter(
			({ name }) => name === "fill",
		);
		expect(parse(first?.message ?? new Uint8Array(), readFill)).toEqual({
			entries: 1,
			max: 262144,
		});
	});

	test("a kernel that does not tell the largest number of entries", () =>
		expect(parse(fillMessage(1, 7), readFill)).toEqual({ entries: 7, max: 0 }));

	test.each<[string, Uint8Array]>([
		["no entries", fillMessage(1)],
		[
			"entries of another length",
			message({ type: GET_STATS }, nfgenmsg(0), attr(1, new Uint8Array(8))),
		],
		["no header", message({ type: GET_STATS })],
	])("refuses %s", (_, bytes) =>
		expect(() => parse(bytes, readFill)).toThrow(DecodeError),
	);
});
