// Passes the entries of a dump that cannot matter: the loop that runs for every entry
// of a node, and the set of ports that it asks. It decodes nothing.

import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
	type Proto,
} from "../net/proto.ts";
import { DecodeError, LITTLE_ENDIAN } from "../netlink/nl.ts";
import type { RecvBuffer } from "../netlink/reader.ts";
import {
	DST_PORT_WORD,
	ORIG_HALF,
	PROTO_NUM_WORD,
	V4_SRC_WORD,
	V6_SRC_WORD,
} from "./layout.ts";
import type { Prefilter } from "./prefilter.ts";

/**
 * The protocols and original destination ports that a scan looks for. An entry costs
 * one look-up, whatever the number of mappings.
 */
export class PortSet {
	/** A bit for each protocol, by the port in wire order as memory shows it. */
	readonly table = new Uint8Array(65536);
	/** Looks at the addresses of the entries that have one of the ports. */
	readonly prefilter: Prefilter | undefined;

	constructor(prefilter?: Prefilter) {
		this.prefilter = prefilter;
	}

	/** Adds the port, or all ports if it is null. */
	add(proto: Proto, port: number | null): void {
		const from = port === null ? 0 : wireHalf(port);
		const to = port === null ? this.table.length : from + 1;
		for (let half = from; half < to; half++)
			this.table[half] = (this.table[half] ?? 0) | protoBit(proto);
	}

	has(proto: number, port: number): boolean {
		return this.hasWire(proto, wireHalf(port));
	}

	/** Answers as `has`, for a port as the buffer's halves show it. */
	hasWire(proto: number, half: number): boolean {
		return ((this.table[half] ?? 0) & protoBit(proto)) !== 0;
	}
}

function wireHalf(port: number): number {
	return LITTLE_ENDIAN ? ((port & 0xff) << 8) | (port >> 8) : port;
}

/** Returns the bit of a protocol that portmap maps, and 0 for other protocols. */
export function protoBit(proto: number): number {
	switch (proto) {
		case IPPROTO_UDP:
			return 1;
		case IPPROTO_TCP:
			return 2;
		case IPPROTO_SCTP:
			return 4;
		default:
			return 0;
	}
}

/** The number of entries that a scan has passed. */
export interface EntryCount {
	entries: number;
	/** The entries among them that had one of the ports, but were held back by the prefilter. */
	kept: number;
}

/** A whole original tuple of IPv4 or IPv6 ends before this byte of an entry. */
const FIXED_BYTES = 96;

/**
 * Passes and counts the entries of a dump's datagram that have none of the ports, from
 * offset `at` on. Returns the offset of the first message that needs a closer look, or
 * the offset after the last. This loop runs for every entry of a node, so it works on
 * words, without objects and calls. Throws DecodeError for an entry that is longer than
 * the datagram.
 *
 * In every kernel so far, ctnetlink_fill_info writes CTA_TUPLE_ORIG first, and in it the
 * addresses before the ports, so both have fixed places. If the words there do not
 * agree with that layout, the message is left to the closer look. Type and sequence
 * number are also compared only there: nothing is done to entries that are passed, and
 * only entries have these words.
 */
export function skipOthers(
	b: RecvBuffer,
	at: number,
	length: number,
	ports: PortSet,
	count: EntryCount,
): number {
	// `var` and `as`, because QuickJS checks every read of a `let` for initialization
	// and `??` costs three instructions; together they cost a third of this loop
	var { words, halves } = b;
	var { table, prefilter } = ports;
	var end = length >> 2;
	var i = at >> 2;
	var passed = 0;
	var kept = 0;
	var size = 0;
	var port = 0;
	while (i < end) {
		size = words[i] as number;
		if (size < FIXED_BYTES || size > length) break;
		if (halves[2 * i + 11] !== ORIG_HALF) break;
		port = i + 17;
		if (words[i + 7] !== V4_SRC_WORD) {
			if (words[i + 7] !== V6_SRC_WORD) break;
			port = i + 23;
		}
		if (words[port - 1] !== DST_PORT_WORD) {
			if (words[port - 5] !== PROTO_NUM_WORD) break;
			if (protoBit(b.bytes[4 * port - 16] ?? 0) !== 0) break;
		} else if (table[halves[2 * port] as number]) {
			if (words[port - 5] !== PROTO_NUM_WORD) break;
			if (
				ports.hasWire(b.bytes[4 * port - 16] ?? 0, halves[2 * port] as number)
			) {
				if (
					prefilter?.passes(b, port - i === 17, port, i + (size >> 2)) ??
					true
				)
					break;
				kept++;
			}
		}
		passed++;
		i += (size + 3) >> 2;
	}
	if (i > end && 4 * i > length + 3)
		throw new DecodeError("an entry beyond the end of its datagram");
	count.entries += passed;
	count.kept += kept;
	return 4 * i;
}
