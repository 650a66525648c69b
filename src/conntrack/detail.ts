// The parts of an entry beyond its tuples, for people who look at the table and for
// code that judges an entry by its age. No verb needs them.

import { AF_INET } from "../net/ip.ts";
import { isMapped } from "../net/otherprotos.ts";
import { attributesAt } from "../netlink/nfnl.ts";
import { align, be32, NLA_TYPE_MASK, pairWord } from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import {
	CTA_STATUS,
	CTA_TIMEOUT,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	IPS_SEEN_REPLY,
} from "./constants.ts";
import { type Entry, readEntry } from "./entry.ts";
import type { Key } from "./messages.ts";

// linux/netfilter/nfnetlink_conntrack.h
export const CTA_PROTOINFO = 4;
const CTA_MARK = 8;
export const CTA_PROTOINFO_TCP = 1;
export const CTA_PROTOINFO_TCP_STATE = 1;
const CTA_PROTO_ICMP_ID = 4;
const CTA_PROTO_ICMP_TYPE = 5;
const CTA_PROTO_ICMP_CODE = 6;
const CTA_PROTO_ICMPV6_ID = 7;
const CTA_PROTO_ICMPV6_TYPE = 8;
const CTA_PROTO_ICMPV6_CODE = 9;

/** The states by their numbers in linux/netfilter/nf_conntrack_tcp.h. */
export const TCP_STATES = [
	"NONE",
	"SYN_SENT",
	"SYN_RECV",
	"ESTABLISHED",
	"FIN_WAIT",
	"CLOSE_WAIT",
	"LAST_ACK",
	"TIME_WAIT",
	"CLOSE",
	"SYN_SENT2",
] as const;
export type TCPState = (typeof TCP_STATES)[number];

/** The parts of an original tuple of ICMP or ICMPv6, which has no ports. */
export interface ICMP {
	readonly id: number;
	readonly type: number;
	readonly code: number;
}

export interface Detail {
	/** Seconds that the entry has left. */
	readonly timeout: number;
	readonly mark: number;
	/** Only entries of TCP have one. */
	readonly tcpState: TCPState | undefined;
	/** Only entries of ICMP and ICMPv6 have it. */
	readonly icmp: ICMP | undefined;
}

export type DetailedEntry = Entry & Detail;

/** Reads an entry whole, for `Conntrack.scan`. Throws DecodeError. */
export function readDetailed(b: RecvBuffer, m: Message): DetailedEntry {
	let timeout = 0;
	let mark = 0;
	let tcpState: TCPState | undefined;
	attributes(b, attributesAt(m), m.end, (type, at, length) => {
		if (type === CTA_TIMEOUT && length === 4) timeout = b.view.getUint32(at);
		else if (type === CTA_MARK && length === 4) mark = b.view.getUint32(at);
		else if (type === CTA_PROTOINFO)
			attributes(b, at, at + length, (proto, nest, n) => {
				if (proto !== CTA_PROTOINFO_TCP) return;
				attributes(b, nest, nest + n, (state, value, size) => {
					if (state === CTA_PROTOINFO_TCP_STATE && size === 1)
						tcpState = TCP_STATES[b.bytes[value] ?? 0];
				});
			});
	});
	const e = readEntry(b, m);
	const icmp = isMapped(e.proto) ? undefined : icmpOf(b, m);
	return { ...e, timeout, mark, tcpState, icmp };
}

/** Reads what a table shows of an entry: no details, except of a protocol that is shown by them. Throws DecodeError. */
export function readShown(b: RecvBuffer, m: Message): Entry & Partial<Detail> {
	const e = readEntry(b, m);
	return isMapped(e.proto) ? e : readDetailed(b, m);
}

/** Returns the parts of ICMP in the original tuple; undefined for another protocol. */
function icmpOf(b: RecvBuffer, m: Message): ICMP | undefined {
	const found: { id?: number; type?: number; code?: number } = {};
	const part = (type: number, at: number, n: number): void => {
		if ((type === CTA_PROTO_ICMP_ID || type === CTA_PROTO_ICMPV6_ID) && n === 2)
			found.id = b.view.getUint16(at);
		else if (n !== 1) return;
		else if (type === CTA_PROTO_ICMP_TYPE || type === CTA_PROTO_ICMPV6_TYPE)
			found.type = b.bytes[at] ?? 0;
		else if (type === CTA_PROTO_ICMP_CODE || type === CTA_PROTO_ICMPV6_CODE)
			found.code = b.bytes[at] ?? 0;
	};
	attributes(b, attributesAt(m), m.end, (type, at, n) => {
		if (type !== CTA_TUPLE_ORIG) return;
		attributes(b, at, at + n, (nest, inner, length) => {
			if (nest === CTA_TUPLE_PROTO) attributes(b, inner, inner + length, part);
		});
	});
	const { id, type = 0, code = 0 } = found;
	return id === undefined ? undefined : { id, type, code };
}

const NOWHERE = { src: "", dst: "", sport: 0, dport: 0 };
const NO_WORDS = new Int32Array();
/** Stands for every entry that saw a reply. It has no protocol, and so no scope contains it. */
const ANSWERED: DetailedEntry = {
	family: AF_INET,
	proto: 0,
	orig: NOWHERE,
	reply: NOWHERE,
	status: IPS_SEEN_REPLY,
	key: { family: AF_INET, reply: NO_WORDS, id: 0, zone: undefined },
	timeout: 0,
	mark: 0,
	tcpState: undefined,
	icmp: undefined,
};

/** Reads an entry as `readDetailed` does, except one that saw a reply. Nearly all did, and reading them would be most of the work. */
export function readUnanswered(b: RecvBuffer, m: Message): DetailedEntry {
	for (let at = attributesAt(m); m.end - at >= 8; ) {
		const size = b.halves[at >> 1] ?? 0;
		const type = (b.halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK;
		if (type === CTA_STATUS) {
			if (size === 8 && b.view.getUint32(at + 4) & IPS_SEEN_REPLY)
				return ANSWERED;
			break;
		}
		// too short for an attribute: `readDetailed` throws an error that says so
		if (size < 4) break;
		at += align(size);
	}
	return readDetailed(b, m);
}

/** Returns CTA_ID as the number that other tools print. */
export function idOf({ id }: Key): number {
	return be32(id);
}

/** A zone that an entry names, of both directions or of one. */
export interface Zone {
	readonly zone: number;
	readonly direction: "orig" | "reply" | undefined;
}

/** Returns the zones that an entry names; none for an entry of the default zone. */
export function zonesOf({ key, orig, reply }: Zoned): Zone[] {
	const named = [
		[key.zone && be32(pairWord(0, key.zone)), undefined],
		[orig.zone, "orig"],
		[reply.zone, "reply"],
	] as const;
	return named.flatMap(([zone, direction]) =>
		zone === undefined ? [] : { zone, direction },
	);
}

/** Returns true if one of the entry's directions is in the zone. In the default zone, 0, are the entries that name none. */
export function isInZone(e: Zoned, zone: number): boolean {
	const named = zonesOf(e);
	return zone === 0
		? named.length === 0
		: named.some((named) => named.zone === zone);
}

type Zoned = Pick<Entry, "key" | "orig" | "reply">;
