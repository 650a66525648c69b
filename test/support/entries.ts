// Netlink bytes and conntrack entries for tests, made from what a row says in
// words. It encodes on its own and not with src/netlink, so that a fault there
// cannot hide itself.

import type { Entry, Tuple } from "../../src/conntrack/entry.ts";
import type { Key } from "../../src/conntrack/messages.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	ipBytes,
	parseIP,
} from "../../src/net/ip.ts";

const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Returns the bytes of a text in hex; `#` begins a comment, white space and braces are for the reader. */
export function hex(text: string): Uint8Array {
	const digits = text.replace(/#.*/g, "").replace(/[\s{}|]/g, "");
	if (!/^([0-9a-f]{2})*$/i.test(digits)) throw new Error(`not hex: ${digits}`);
	return Uint8Array.from(digits.match(/../g) ?? [], (two) =>
		Number.parseInt(two, 16),
	);
}

/** Returns hex in words of four bytes, so that a difference is readable. */
export function toHex(bytes: Uint8Array): string {
	const digits = [...bytes].map((b) => b.toString(16).padStart(2, "0"));
	return digits.join("").replace(/.{8}(?=.)/g, "$& ");
}

function integer(size: 1 | 2 | 4, value: number, little: boolean): Uint8Array {
	const bytes = new Uint8Array(size);
	for (let i = 0; i < size; i++)
		bytes[little ? i : size - 1 - i] = Math.floor(value / 2 ** (8 * i)) & 0xff;
	return bytes;
}
export const u8 = (n: number): Uint8Array => Uint8Array.of(n);
export const be16 = (n: number): Uint8Array => integer(2, n, false);
export const be32 = (n: number): Uint8Array => integer(4, n, false);
export const u16 = (n: number): Uint8Array => integer(2, n, LITTLE_ENDIAN);
export const u32 = (n: number): Uint8Array => integer(4, n, LITTLE_ENDIAN);

export function concat(...parts: readonly Uint8Array[]): Uint8Array {
	const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
	let at = 0;
	for (const part of parts) {
		all.set(part, at);
		at += part.length;
	}
	return all;
}

function padded(bytes: Uint8Array): Uint8Array {
	return concat(bytes, new Uint8Array(-bytes.length & 3));
}

/** An attribute with its padding. */
export function attr(type: number, ...payload: Uint8Array[]): Uint8Array {
	const body = concat(...payload);
	return padded(concat(u16(4 + body.length), u16(type), body));
}

/** An attribute that holds others, with NLA_F_NESTED. */
export function nest(type: number, ...inner: Uint8Array[]): Uint8Array {
	return attr(type | 0x8000, ...inner);
}

export interface Head {
	readonly type: number;
	readonly flags?: number;
	readonly seq?: number;
}

export function message(head: Head, ...payload: Uint8Array[]): Uint8Array {
	const body = concat(...payload);
	return concat(
		u32(16 + body.length),
		u16(head.type),
		u16(head.flags ?? 0),
		u32(head.seq ?? 0),
		u32(0), // port
		body,
	);
}

/** Messages as they follow each other in one datagram; the last keeps its length. */
export function datagram(...messages: readonly Uint8Array[]): Uint8Array {
	const last = messages.at(-1);
	if (!last) return new Uint8Array();
	return concat(...messages.slice(0, -1).map(padded), last);
}

/** nlmsgerr: `errno` positive; the request's header is echoed. */
export function errorMessage(errno: number, seq: number): Uint8Array {
	const echo = new Uint8Array(16);
	return message({ type: 2, flags: 0x100, seq }, u32(-errno >>> 0), echo);
}

export function doneMessage(seq: number, errno = 0): Uint8Array {
	return message({ type: 3, flags: 2, seq }, u32(-errno >>> 0));
}

/** linux/netfilter/nf_conntrack_common.h */
export const STATUS = {
	SEEN_REPLY: 0x2,
	ASSURED: 0x4,
	CONFIRMED: 0x8,
	SRC_NAT: 0x10,
	DST_NAT: 0x20,
	SRC_NAT_DONE: 0x80,
	DST_NAT_DONE: 0x100,
	FIXED_TIMEOUT: 0x400,
	OFFLOAD: 0x4000,
} as const;
export type StatusBit = keyof typeof STATUS;

const PROTOCOLS: Readonly<Record<string, number>> = {
	icmp: 1,
	tcp: 6,
	udp: 17,
	icmpv6: 58,
	sctp: 132,
	udplite: 136,
};

/** An entry as a row of a test writes it. */
export interface EntrySpec {
	/** A name, or a number. */
	readonly proto?: string | number;
	/** `192.0.2.7:6000 > 203.0.113.1:8125`, IPv6 as `[fd07::7]:6000 > …`. */
	readonly orig: string;
	/** The inverse of `orig` if not given: no NAT. */
	readonly reply?: string;
	/** Besides CONFIRMED, SRC_NAT_DONE and DST_NAT_DONE, which every dumped entry has. */
	readonly status?: readonly StatusBit[];
	readonly id?: number;
	/** CTA_ZONE: both directions. */
	readonly zone?: number;
	/** A zone of one direction, inside its tuple. */
	readonly origZone?: number;
	readonly replyZone?: number;
	/** More attributes, after those of ours. */
	readonly extra?: readonly Uint8Array[];
}

export function protoNumber(proto: string | number = "udp"): number {
	const number = typeof proto === "number" ? proto : PROTOCOLS[proto];
	if (number === undefined) throw new Error(`unknown protocol: ${proto}`);
	return number;
}

export function statusOf(bits: readonly StatusBit[] = []): number {
	const every: StatusBit[] = ["CONFIRMED", "SRC_NAT_DONE", "DST_NAT_DONE"];
	return [...every, ...bits].reduce((sum, bit) => sum | STATUS[bit], 0);
}

export function tuple(text: string): Tuple {
	const [from = "", to = ""] = text.split(" > ");
	const [src, sport] = endpoint(from);
	const [dst, dport] = endpoint(to);
	return { src, dst, sport, dport };
}

function endpoint(text: string): [string, number] {
	const match = /^(?:\[(.+)\]|([^:[\]]+)):(\d+)$/.exec(text);
	const ip = parseIP(match?.[1] ?? match?.[2] ?? "");
	if (ip === undefined) throw new Error(`not an endpoint: ${text}`);
	return [ip, Number(match?.[3])];
}

function inverse({ src, dst, sport, dport }: Tuple): Tuple {
	return { src: dst, dst: src, sport: dport, dport: sport };
}

/** Returns the entry that the predicate gets. */
export function entry(spec: EntrySpec): Entry {
	const { family, proto, orig, reply } = facts(spec);
	return {
		family,
		proto,
		orig: inZone(orig, spec.origZone),
		reply: inZone(reply, spec.replyZone),
		status: statusOf(spec.status),
		key: {
			family,
			reply: words(tupleBytes(reply, proto, spec.replyZone)),
			id: wordOf(be32(spec.id ?? 1)),
			zone: spec.zone === undefined ? undefined : halfOf(be16(spec.zone)),
		},
	};
}

function inZone(t: Tuple, zone: number | undefined): Tuple {
	return zone === undefined ? t : { ...t, zone };
}

/** Returns bytes as the words that a received buffer shows of them; what is no whole word at the end is cut. */
export function words(bytes: Uint8Array): Int32Array {
	return new Int32Array(bytes.slice(0, bytes.length & ~3).buffer);
}

/** Returns the word as an integer without a sign, as an id is. */
export function wordOf(bytes: Uint8Array): number {
	return (words(bytes)[0] ?? 0) >>> 0;
}

export function halfOf(bytes: Uint8Array): number {
	return new Uint16Array(bytes.slice(0, 2).buffer)[0] ?? 0;
}

/** A key as it stands in messages, in hex. */
export function wireOf({ reply, id, zone }: Key) {
	const of = (array: Int32Array | Uint32Array | Uint16Array): string =>
		toHex(new Uint8Array(array.slice().buffer));
	return {
		reply: of(reply),
		id: of(Uint32Array.of(id)),
		zone: zone === undefined ? "" : of(Uint16Array.of(zone)),
	};
}

function facts(spec: EntrySpec) {
	const orig = tuple(spec.orig);
	const reply = spec.reply === undefined ? inverse(orig) : tuple(spec.reply);
	const family: Family = orig.src.includes(":") ? AF_INET6 : AF_INET;
	return { family, proto: protoNumber(spec.proto), orig, reply };
}

/** Returns the payload of CTA_TUPLE_ORIG or CTA_TUPLE_REPLY as the kernel lays it out. */
export function tupleBytes(t: Tuple, proto: number, zone?: number): Uint8Array {
	const [src, dst] = t.src.includes(":") ? [3, 4] : [1, 2];
	return concat(
		nest(1, attr(src, ipBytes(t.src)), attr(dst, ipBytes(t.dst))),
		nest(2, attr(1, u8(proto)), ...protoAttrs(t, proto)),
		...(zone === undefined ? [] : [attr(3, be16(zone))]),
	);
}

/** ICMP: the ports of the row are id and type. */
function protoAttrs({ sport, dport }: Tuple, proto: number): Uint8Array[] {
	const first = proto === PROTOCOLS.icmp ? 4 : 7;
	if (proto === PROTOCOLS.icmp || proto === PROTOCOLS.icmpv6)
		return [
			attr(first, be16(sport)),
			attr(first + 1, u8(dport)),
			attr(first + 2, u8(0)),
		];
	// nf_conntrack_proto_generic.c writes none; GRE has its keys there
	if (![6, 17, 47, 132, 136].includes(proto)) return [];
	return [attr(2, be16(sport)), attr(3, be16(dport))];
}

/** The attributes of an entry in the order of ctnetlink_fill_info. */
export function entryAttrs(spec: EntrySpec): Uint8Array[] {
	const { proto, orig, reply } = facts(spec);
	return [
		nest(1, tupleBytes(orig, proto, spec.origZone)),
		nest(2, tupleBytes(reply, proto, spec.replyZone)),
		...(spec.zone === undefined ? [] : [attr(18, be16(spec.zone))]),
		attr(3, be32(statusOf(spec.status))),
		attr(8, be32(0)), // CTA_MARK
		attr(12, be32(spec.id ?? 1)),
		attr(11, be32(1)), // CTA_USE
		attr(7, be32(30)), // CTA_TIMEOUT
		...(spec.extra ?? []),
	];
}

/** The entry as one message of a dump. */
export function entryMessage(spec: EntrySpec, seq: number): Uint8Array {
	return message(
		{ type: 0x0100, flags: 2, seq },
		nfgenmsg(facts(spec).family),
		...entryAttrs(spec),
	);
}

export function nfgenmsg(family: number): Uint8Array {
	return Uint8Array.of(family, 0, 0, 0);
}

export function linkMessage(seq: number, index: number): Uint8Array {
	const ifinfomsg = concat(u32(0), u32(index), u32(0), u32(0));
	return message({ type: 16, seq }, ifinfomsg);
}

export interface Route {
	/** `127.0.0.0/8` */
	readonly prefix: string;
	/** linux/rtnetlink.h: 2 local (as if not given), 3 broadcast, 4 anycast. */
	readonly type?: number;
	readonly oif?: number;
	readonly table?: number;
}

export function routeMessage(route: Route, seq: number): Uint8Array {
	const [address = "", length] = route.prefix.split("/");
	const dst = ipBytes(address);
	const { type = 2, table = 255, oif } = route;
	const family = dst.length === 4 ? 2 : 10;
	return message(
		{ type: 24, flags: 2, seq },
		Uint8Array.of(family, Number(length), 0, 0, table, 2, 0, type, 0, 0, 0, 0),
		...(length === "0" ? [] : [attr(1, dst)]),
		...(oif === undefined ? [] : [attr(4, u32(oif))]),
	);
}
