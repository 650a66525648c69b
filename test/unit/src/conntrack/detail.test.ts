// The parts of an entry beyond its tuples, of recorded and of constructed entries.

import { describe, expect, test } from "vitest";
import {
	type Detail,
	isInZone,
	readDetailed,
	readShown,
	zonesOf,
} from "../../../../src/conntrack/detail.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	attr,
	be32,
	concat,
	type EntrySpec,
	entry,
	entryMessage,
	nest,
	u8,
} from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";

function read(bytes: Uint8Array) {
	const b = new RecvBuffer(4096);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	return readDetailed(b, messageAt(b, 0, bytes.length));
}

describe("recorded entries", () => {
	const recorded = new Map(readRecorded().map((r) => [r.name, r.message]));
	test.each<[string, Omit<Detail, "icmp">]>([
		["udp4-packet", { timeout: 28, mark: 0, tcpState: undefined }],
		["udp4-made", { timeout: 100, mark: 5, tcpState: undefined }],
		["tcp4", { timeout: 100, mark: 0, tcpState: "ESTABLISHED" }],
		["tcp6", { timeout: 100, mark: 0, tcpState: "SYN_SENT" }],
		["sctp4", { timeout: 100, mark: 0, tcpState: undefined }],
		["udp4-zone", { timeout: 100, mark: 0, tcpState: undefined }],
	])("%s", (name, { timeout, mark, tcpState }) => {
		const found = read(recorded.get(name) ?? new Uint8Array());
		expect([found.mark, found.tcpState]).toEqual([mark, tcpState]);
		// the recorder may have been a second late
		expect(timeout - found.timeout).toBeGreaterThanOrEqual(0);
		expect(timeout - found.timeout).toBeLessThanOrEqual(2);
	});

	test("all are read, and as entries no different from without their details", () => {
		for (const [name, message] of recorded) {
			const { timeout, mark, tcpState, icmp, ...plain } = read(message);
			expect(Object.keys(plain).sort(), name).toEqual([
				"family",
				"key",
				"orig",
				"proto",
				"reply",
				"status",
			]);
			expect(timeout, name).toBeGreaterThan(0);
		}
	});
});

describe("constructed entries", () => {
	const tcp = (...extra: Uint8Array[]): EntrySpec => ({
		proto: "tcp",
		orig: "192.0.2.7:6000 > 203.0.113.1:8125",
		extra,
	});
	const state = (...payload: Uint8Array[]): Uint8Array =>
		nest(4, nest(1, ...payload));

	test.each<[string, EntrySpec, Partial<Detail>]>([
		["no state", tcp(), { tcpState: undefined, timeout: 30 }],
		["SYN_SENT", tcp(state(attr(1, u8(1)))), { tcpState: "SYN_SENT" }],
		["SYN_SENT2", tcp(state(attr(1, u8(9)))), { tcpState: "SYN_SENT2" }],
		[
			"a state that we do not know",
			tcp(state(attr(1, u8(77)))),
			{ tcpState: undefined },
		],
		[
			"the state among other attributes",
			tcp(state(attr(2, u8(7)), attr(1, u8(3)), attr(4, u8(0), u8(1)))),
			{ tcpState: "ESTABLISHED" },
		],
		[
			"a state of another length is none",
			tcp(state(attr(1, be32(3)))),
			{ tcpState: undefined },
		],
		[
			"the state of another protocol",
			tcp(nest(4, nest(3, attr(1, u8(1))))),
			{ tcpState: undefined },
		],
		["a mark", tcp(attr(8, be32(0xffffffff))), { mark: 4294967295 }],
		["a long timeout", tcp(attr(7, be32(432000))), { timeout: 432000 }],
		["a timeout of another length", tcp(attr(7, u8(1))), { timeout: 30 }],
	])("%s", (_, spec, want) => {
		const found = read(entryMessage(spec, 1));
		expect(found).toMatchObject(want);
		expect(found.orig).toMatchObject(entry(spec).orig);
	});

	test("a state that is cut is refused", () => {
		const cut = concat(nest(4), Uint8Array.of(9, 0, 1, 0, 0));
		expect(() => read(entryMessage(tcp(cut), 1))).toThrow(DecodeError);
	});
});

describe("the parts of ICMP", () => {
	const ping: EntrySpec = {
		proto: "icmp",
		orig: "192.0.2.7:77 > 203.0.113.1:8",
		reply: "203.0.113.1:77 > 192.0.2.7:0",
	};
	test.each<[string, EntrySpec, Detail["icmp"]]>([
		["of IPv4", ping, { id: 77, type: 8, code: 0 }],
		[
			"of IPv6",
			{ proto: "icmpv6", orig: "[fd07::7]:78 > [fd03::1]:128" },
			{ id: 78, type: 128, code: 0 },
		],
		["none of ESP", { proto: 50, orig: ping.orig }, undefined],
		["none of GRE, which has keys", { proto: 47, orig: ping.orig }, undefined],
		["none of UDP", { orig: ping.orig }, undefined],
	])("%s", (_, spec, want) =>
		expect(read(entryMessage(spec, 1)).icmp).toEqual(want),
	);

	test("are read for a table too, which needs no other detail", () => {
		const shown = (spec: EntrySpec) => {
			const bytes = entryMessage(spec, 1);
			const b = new RecvBuffer(4096);
			b.bytes.set(bytes);
			return readShown(b, messageAt(b, 0, bytes.length));
		};
		expect(shown(ping).icmp?.id).toBe(77);
		expect(shown({ orig: ping.orig })).not.toHaveProperty("timeout");
	});
});

describe("the zone of an entry", () => {
	const FLOW: EntrySpec = {
		orig: "192.0.2.7:6000 > 203.0.113.1:8125",
		reply: "10.88.0.9:5353 > 192.0.2.7:6000",
	};
	test.each<[string, Partial<EntrySpec>, string[], number[]]>([
		["none: the default zone", {}, [], [0]],
		["of both directions", { zone: 7 }, ["7"], [7]],
		["of the original direction", { origZone: 9 }, ["orig 9"], [9]],
		["of the reply direction", { replyZone: 9 }, ["reply 9"], [9]],
		[
			"one for each direction",
			{ origZone: 8, replyZone: 9 },
			["orig 8", "reply 9"],
			[8, 9],
		],
		[
			"of IPv6",
			{ orig: "[fd07::7]:1 > [fd03::1]:2", origZone: 9 },
			["orig 9"],
			[9],
		],
		[
			"of a protocol without ports",
			{ proto: 50, origZone: 9 },
			["orig 9"],
			[9],
		],
	])("%s", (_, zone, words, member) => {
		const { reply: _reply, ...flow } = FLOW;
		const spec = { ...(zone.orig ? flow : FLOW), ...zone };
		for (const e of [read(entryMessage(spec, 1)), entry(spec)]) {
			const named = zonesOf(e).map(({ zone, direction }) =>
				direction ? `${direction} ${zone}` : String(zone),
			);
			expect(named).toEqual(words);
			expect([0, 7, 8, 9].filter((n) => isInZone(e, n))).toEqual(member);
		}
	});
});
