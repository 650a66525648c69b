// Single entries, read: those that a kernel sent, and those that none should send.

import { describe, expect, test } from "vitest";
import { readEntry } from "../../../../src/conntrack/entry.ts";
import { PortSet } from "../../../../src/conntrack/skip.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	attr,
	be16,
	be32,
	concat,
	type EntrySpec,
	entry,
	entryAttrs,
	hex,
	message,
	nest,
	nfgenmsg,
	protoNumber,
	STATUS,
	toHex,
	tuple,
	tupleBytes,
	u8,
	wireOf,
} from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";

function read(bytes: Uint8Array) {
	const b = new RecvBuffer(4096);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	const found = readEntry(b, messageAt(b, 0, bytes.length));
	// the buffer is reused: nothing of the entry may still point there
	b.bytes.fill(0);
	return found;
}

const FLOW4 = "192.0.2.7:6000 > 203.0.113.1:8125";
const FLOW6 = "[fd07::7]:6000 > [fd03::1]:8125";
const NAT4 = "10.88.0.2:5353 > 192.0.2.7:6000";
const NAT6 = "[fd88::2]:5353 > [fd07::7]:6000";
const { CONFIRMED, SEEN_REPLY, ASSURED } = STATUS;
const MADE = CONFIRMED;
const REPLIED = CONFIRMED | SEEN_REPLY | ASSURED;
const NATTED = 0x1a8;

describe("recorded entries", () => {
	const recorded = new Map(readRecorded().map((r) => [r.name, r.message]));
	type Row = [string, Omit<EntrySpec, "status" | "id">, number];
	const rows: Row[] = [
		["udp4-packet", { orig: "203.0.113.9:51599 > 203.0.113.2:53" }, 0x188],
		[
			"udp4-packet-dnat",
			{
				orig: "203.0.113.9:0 > 203.0.113.1:8125",
				reply: "10.88.0.2:5353 > 203.0.113.9:0",
			},
			NATTED,
		],
		[
			"udp6-packet-dnat",
			{
				orig: "[fd03::9]:0 > [fd03::1]:8125",
				reply: "[fd88::2]:5353 > [fd03::9]:0",
			},
			NATTED,
		],
		[
			"udp4-counted",
			{
				orig: "203.0.113.9:0 > 203.0.113.1:8125",
				reply: "10.88.0.2:5353 > 203.0.113.9:0",
			},
			NATTED,
		],
		["udp4-made", { orig: FLOW4, reply: NAT4 }, REPLIED],
		["udp6-made", { orig: FLOW6, reply: NAT6 }, MADE],
		["udp4-nat", { orig: FLOW4, reply: NAT4 }, NATTED],
		["tcp4", { proto: "tcp", orig: FLOW4, reply: NAT4 }, REPLIED],
		["tcp6", { proto: "tcp", orig: FLOW6, reply: NAT6 }, MADE],
		["sctp4", { proto: "sctp", orig: FLOW4, reply: NAT4 }, MADE],
		["sctp6", { proto: "sctp", orig: FLOW6, reply: NAT6 }, MADE],
		["udplite4", { proto: "udplite", orig: FLOW4 }, MADE],
		["gre4", { proto: 47, orig: FLOW4 }, MADE],
		["icmp4", { proto: "icmp", orig: "192.0.2.7:0 > 203.0.113.1:0" }, MADE],
		["icmp6", { proto: "icmpv6", orig: "[fd07::7]:0 > [fd03::1]:0" }, MADE],
		["udp4-zone", { orig: FLOW4, reply: NAT4, zone: 7 }, MADE],
		["udp4-orig-zone", { orig: FLOW4, reply: NAT4, origZone: 8 }, MADE],
		["udp4-reply-zone", { orig: FLOW4, reply: NAT4, replyZone: 9 }, MADE],
		["udp6-zone", { orig: FLOW6, reply: NAT6, zone: 7 }, MADE],
		[
			"tcp6-orig-zone",
			{ proto: "tcp", orig: FLOW6, reply: NAT6, origZone: 8 },
			MADE,
		],
	];

	test("each has a row here", () =>
		expect(rows.map(([name]) => name)).toEqual([...recorded.keys()]));

	test.each(rows)("%s", (name, spec, status) => {
		const bytes = recorded.get(name) ?? new Uint8Array();
		const { orig, reply, key, ...found } = read(bytes);
		// the ports that the client's kernel chose differ from recording to recording
		const chosen = (port: number): number => (port > 32767 ? 0 : port);
		const want = entry(spec);
		const packet = name.includes("packet") || name.includes("counted");
		const given = (port: number): number => (packet ? chosen(port) : port);
		expect(found).toEqual({
			family: spec.orig.startsWith("[") ? 10 : 2,
			proto: protoNumber(spec.proto),
			status,
		});
		expect({ ...orig, sport: given(orig.sport) }).toMatchObject({
			...want.orig,
			sport: given(want.orig.sport),
		});
		expect({ ...reply, dport: given(reply.dport) }).toMatchObject({
			...want.reply,
			dport: given(want.reply.dport),
		});
		expect(key.family).toBe(found.family);
		expect(key.zone).toBe(want.key.zone);
		// verbatim: these very bytes stand in the message
		const text = toHex(bytes).replaceAll(" ", "");
		expect(text).toContain(`0280${wireOf(key).reply.replaceAll(" ", "")}`);
		expect(text).toContain(`08000c00${wireOf(key).id}`);
	});
});

describe("PortSet", () => {
	test.each([0, 1, 53, 255, 256, 8125, 65535])("finds port %i", (port) => {
		const ports = new PortSet();
		ports.add(17, port);
		expect(ports.has(17, port)).toBe(true);
		for (const other of [port ^ 1, port ^ 0x100, port ^ 0x8000])
			expect(ports.has(17, other)).toBe(false);
		for (const proto of [0, 1, 6, 132, 136])
			expect(ports.has(proto, port)).toBe(false);
	});

	test("keeps the protocols of one port apart", () => {
		const ports = new PortSet();
		ports.add(6, 53);
		ports.add(132, 53);
		expect([17, 6, 132].map((p) => ports.has(p, 53))).toEqual([
			false,
			true,
			true,
		]);
	});
});

describe("entries that no kernel has sent so far", () => {
	const orig = tuple(FLOW4);
	const reply = tuple(NAT4);
	const ORIG = nest(1, tupleBytes(orig, 17));
	const REPLY = nest(2, tupleBytes(reply, 17));
	const ID = attr(12, be32(7));
	const make = (...attrs: Uint8Array[]): Uint8Array =>
		message({ type: 0x100, seq: 1 }, nfgenmsg(2), ...attrs);
	const IPS = tupleBytes(orig, 17).subarray(0, 20);
	const PORTS = tupleBytes(orig, 17).subarray(20);

	const good: [string, Uint8Array[]][] = [
		["unknown attributes in front", [attr(99, be32(1)), ORIG, REPLY, ID]],
		[
			"unknown attributes in between, of unaligned length",
			[ORIG, attr(77, u8(1)), REPLY, attr(78), ID],
		],
		["attributes in the reverse order", [ID, REPLY, ORIG]],
		["no status", [ORIG, REPLY, ID]],
		[
			"a status of two bytes is not read",
			[ORIG, REPLY, ID, attr(3, be16(0xffff))],
		],
		[
			"tuples without the nested bit",
			[attr(1, tupleBytes(orig, 17)), attr(2, tupleBytes(reply, 17)), ID],
		],
		["ports before addresses", [nest(1, PORTS, IPS), REPLY, ID]],
		[
			"unknown attributes inside of the tuple",
			[nest(1, attr(9, be32(1)), IPS, PORTS, attr(10)), REPLY, ID],
		],
	];
	test.each(good)("are read all the same: %s", (_, attrs) => {
		const found = read(make(...attrs));
		expect(found).toMatchObject({ family: 2, proto: 17, orig, reply });
		expect(found.status).toBe(0);
		expect(wireOf(found.key).id).toBe("00000007");
	});

	const bad: [string, Uint8Array][] = [
		["no attributes", make()],
		["no original tuple", make(REPLY, ID)],
		["no reply tuple", make(ORIG, ID)],
		[
			"no id, without which it could not be told from its successor",
			make(ORIG, REPLY),
		],
		["an id of two bytes", make(ORIG, REPLY, attr(12, be16(7)))],
		["a zone of four bytes", make(ORIG, REPLY, ID, attr(18, be32(7)))],
		[
			"a family that is neither",
			message({ type: 0x100 }, nfgenmsg(7), ORIG, REPLY, ID),
		],
		[
			"IPv4 addresses in an IPv6 entry",
			message({ type: 0x100 }, nfgenmsg(10), ORIG, REPLY, ID),
		],
		["a header alone", message({ type: 0x100 })],
		["a tuple without addresses", make(nest(1, PORTS), REPLY, ID)],
		[
			"a tuple with one address",
			make(nest(1, nest(1, attr(1, hex("c0000207"))), PORTS), REPLY, ID),
		],
		[
			"a tuple that ends before its ports, although they follow",
			make(nest(1, IPS), PORTS, REPLY, ID),
		],
		[
			"a tuple that ends before what another attribute holds in its ports' place",
			make(nest(1, IPS), attr(77, PORTS.subarray(4)), REPLY, ID),
		],
		[
			"two sources and no destination",
			make(
				nest(1, nest(1, IPS.subarray(4, 12), IPS.subarray(4, 12)), PORTS),
				REPLY,
				ID,
			),
		],
		["a tuple without protocol", make(nest(1, IPS), REPLY, ID)],
		[
			"an address of three bytes",
			make(
				nest(
					1,
					nest(1, attr(1, hex("c00002")), attr(2, hex("cb007101"))),
					PORTS,
				),
				REPLY,
				ID,
			),
		],
		["a nest longer than its message", make(concat(ORIG.subarray(0, 24)))],
		["an attribute of length 0", make(ORIG, REPLY, ID, hex("00000000"))],
	];
	test.each(bad)("are a DecodeError: %s", (_, bytes) =>
		expect(() => read(bytes)).toThrow(DecodeError),
	);

	test("two source ports and no destination port: there is none", () => {
		const num = PORTS.subarray(4, 12);
		const sport = PORTS.subarray(12, 20);
		const found = read(
			make(nest(1, IPS, nest(2, num, sport, sport)), REPLY, ID),
		);
		expect(found.orig).toMatchObject({ sport: orig.sport, dport: 0 });
	});

	test("a port of the wrong size counts as none", () => {
		const ports = nest(2, attr(1, u8(17)), attr(2, u8(1)), attr(3, be32(8125)));
		const found = read(make(nest(1, IPS, ports), REPLY, ID));
		expect(found.orig).toMatchObject({ sport: 0, dport: 0 });
	});
});

test("the entries that the tests make are those that the kernel sends", () => {
	const [made] = readRecorded().filter(({ name }) => name === "udp4-nat");
	const spec: EntrySpec = {
		orig: FLOW4,
		reply: NAT4,
		status: ["DST_NAT"],
		id: 0,
	};
	const ours = toHex(concat(...entryAttrs(spec).slice(0, 3)));
	expect(toHex(made?.message ?? hex(""))).toContain(ours);
});
