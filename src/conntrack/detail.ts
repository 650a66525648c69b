// The parts of an entry beyond its tuples, for people who look at the table and for
// code that judges an entry by its age. No verb needs them.

import { AF_INET } from "../net/ip.ts";
import { attributesAt } from "../netlink/nfnl.ts";
import { align, be32, NLA_TYPE_MASK, pairWord } from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import { CTA_STATUS, CTA_TIMEOUT, IPS_SEEN_REPLY } from "./constants.ts";
import { type Entry, readEntry } from "./entry.ts";
import type { Key } from "./messages.ts";

// linux/netfilter/nfnetlink_conntrack.h
const CTA_PROTOINFO = 4;
const CTA_MARK = 8;
const CTA_PROTOINFO_TCP = 1;
const CTA_PROTOINFO_TCP_STATE = 1;

/** The states by their numbers in linux/netfilter/nf_conntrack_tcp.h. */
const TCP_STATES = [
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

export interface Detail {
	/** Seconds that the entry has left. */
	readonly timeout: number;
	readonly mark: number;
	/** Only entries of TCP have one. */
	readonly tcpState: TCPState | undefined;
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
	return { ...readEntry(b, m), timeout, mark, tcpState };
}

const NOWHERE = { src: "", dst: "", sport: 0, dport: 0 };
const NO_WORDS = new Uint32Array();
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
};

/** Reads an entry as `readDetailed` does, except one that saw a reply. Nearly all did, and reading them would be most of the work. */
export function readUnanswered(b: RecvBuffer, m: Message): DetailedEntry {
	for (let at = attributesAt(m); m.end - at >= 8; ) {
		const size = b.u16(at);
		if ((b.u16(at + 2) & NLA_TYPE_MASK) === CTA_STATUS) {
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

/** Returns the zone of both directions; 0 is the default zone. */
export function zoneOf({ zone = 0 }: Key): number {
	return be32(pairWord(0, zone));
}
