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
	V4_DST_WORD,
	V4_ORIG_WORD,
	V4_SRC_WORD,
	V6_DST_WORD,
	V6_ORIG_WORD,
	V6_SRC_WORD,
} from "./layout.ts";
import type { PortFilter } from "./messages.ts";
import { ADDRESS_PLACES, ADDRESS_SHIFT, type Prefilter } from "./prefilter.ts";

/**
 * The protocols and destination ports that a scan looks for, original ones and those
 * of replies. An entry costs one look-up for each side, whatever the number of mappings.
 */
export class PortSet {
	/** A bit for each protocol, by the original port in wire order as memory shows it. */
	readonly table = new Uint8Array(65536);
	/** The same for the ports that replies come to, if there are any. */
	replies: Uint8Array | undefined;
	/** Looks at the addresses of the entries that have one of the ports. */
	readonly prefilter: Prefilter | undefined;
	/** The bits that every original port has; undefined if some may have more. */
	#even: number | undefined = 0;
	/** Returns true for a protocol beside portmap's whose entries are to be looked at (others.ts). Without it they are passed. */
	others: ((proto: number) => boolean) | undefined;

	constructor(prefilter?: Prefilter) {
		this.prefilter = prefilter;
	}

	/** Adds `count` ports in a row, or all ports if `port` is null. Without a side they are original ports. */
	add(
		proto: Proto,
		port: number | null,
		side?: PortFilter["side"],
		count = 1,
	): void {
		const bit = protoBit(proto);
		if (port === null && side !== "reply") {
			this.addEverywhere(bit);
			return;
		}
		if (side === "reply") this.replies ??= new Uint8Array(65536);
		else this.#even = undefined;
		const table = (side === "reply" && this.replies) || this.table;
		const from = port ?? 0;
		const to = port === null ? table.length : from + count;
		for (let p = from; p < to; p++) {
			const half = wireHalf(p);
			table[half] = (table[half] ?? 0) | bit;
		}
	}

	/** Adds a bit to all original ports: at once if they are alike, because 65 536 steps take longer than a process takes to start. */
	addEverywhere(bit: number): void {
		const { table } = this;
		if (this.#even !== undefined) {
			this.#even |= bit;
			table.fill(this.#even);
		} else
			for (let half = 0; half < table.length; half++)
				table[half] = (table[half] ?? 0) | bit;
	}

	has(proto: number, port: number): boolean {
		return this.hasWire(proto, wireHalf(port));
	}

	/** Answers as `has`, for the port that an entry's replies come to. */
	hasReply(proto: number, port: number): boolean {
		return ((this.replies?.[wireHalf(port)] ?? 0) & protoBit(proto)) !== 0;
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
 * agree with that layout, the message is left to the closer look. CTA_TUPLE_REPLY comes
 * next and has the same layout; that is not compared, because it would cost a tenth of
 * this loop, and an entry of another layout would merely be passed. Type and sequence
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
	var { words, halves, bytes } = b;
	var { table, replies, prefilter } = ports;
	var near = prefilter?.looksAt === "orig.dst" ? prefilter.table : undefined;
	var first = 0;
	var v4 = true;
	var end = length >> 2;
	var i = at >> 2;
	var passed = 0;
	var kept = 0;
	var size = 0;
	var port = 0;
	// the halves from a port of the original tuple to the same port of the reply tuple
	var far = 0;
	var v4Word = V4_ORIG_WORD;
	var portWord = DST_PORT_WORD;
	var proto = 0;
	// the bit of the protocol `of`: most entries have that of the one before
	var of = -1;
	var bit = 0;
	var came = 0;
	var replied = 0;
	while (i < end) {
		size = words[i] as number;
		if (size < FIXED_BYTES || size > length) break;
		port = i + 17;
		far = 26;
		if (words[i + 5] !== v4Word) {
			port = i + 23;
			far = 38;
			if (words[i + 5] !== V6_ORIG_WORD) {
				// a tuple without ports, or with more than ports
				if (halves[2 * i + 11] !== ORIG_HALF) break;
				far = (((halves[2 * i + 10] as number) + 3) >> 2) << 1;
				if (words[i + 7] === V4_SRC_WORD) port = i + 17;
				else if (words[i + 7] !== V6_SRC_WORD) break;
			}
		}
		if (words[port - 1] !== portWord) {
			if (words[port - 5] !== PROTO_NUM_WORD) break;
			proto = bytes[4 * port - 16] as number;
			if (protoBit(proto) !== 0 || ports.others?.(proto)) break;
			passed++;
			i += (size + 3) >> 2;
			continue;
		}
		came = table[halves[2 * port] as number] as number;
		replied =
			replies === undefined
				? 0
				: (replies[halves[2 * port + far] as number] as number);
		if (came | replied) {
			if (words[port - 5] !== PROTO_NUM_WORD) break;
			proto = bytes[4 * port - 16] as number;
			if (proto !== of) {
				of = proto;
				bit = protoBit(proto);
			}
			came &= bit;
			replied &= bit;
			if (came | replied) {
				v4 = port - i === 17;
				if (near !== undefined) {
					// as `passes` has it. An entry of the other side has its destination elsewhere.
					first = 2 * port - (v4 ? 14 : 20);
					if (
						replied ||
						words[(first >> 1) - 1] !== (v4 ? V4_DST_WORD : V6_DST_WORD) ||
						near[(halves[first + (v4 ? 1 : 7)] as number) >> ADDRESS_SHIFT] ||
						near[ADDRESS_PLACES + ((halves[first] as number) >> ADDRESS_SHIFT)]
					)
						break;
				} else if (prefilter?.passes(b, v4, port, i + (size >> 2)) ?? true)
					break;
				if (came) kept++;
			} else if (ports.others?.(proto)) break;
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
