// A first look at an entry's addresses, on words: it holds back entries that certainly
// have none of the addresses of a request. It decides nothing about the others, which
// are judged as without it. On a node whose pods ask DNS servers, a hostPort 53 shares
// its number with most of the table.

import { halfAt, LITTLE_ENDIAN } from "../netlink/nl.ts";
import type { RecvBuffer } from "../netlink/reader.ts";
import {
	REPLY_HALF,
	V4_DST_WORD,
	V4_SRC_WORD,
	V6_DST_WORD,
	V6_SRC_WORD,
} from "./layout.ts";

/** The places for the last 16 bits of an address, of which 12 are compared. There are as many for the first 16 bits of prefixes. */
export const ADDRESS_PLACES = 4096;
export const ADDRESS_SHIFT = 4;

export class Prefilter {
	readonly looksAt: "orig.dst" | "sources";
	/** 1 for the ends of addresses, at `half >> ADDRESS_SHIFT`, and behind these ADDRESS_PLACES for the beginnings of prefixes. */
	readonly table = new Uint8Array(2 * ADDRESS_PLACES);

	/** Looks at the address that an entry came to, or at its two sources: the one that its replies come from and the one that began it. */
	constructor(at: "orig.dst" | "sources") {
		this.looksAt = at;
	}

	/** Lets the addresses of a prefix of `bits` bits through. Without `bits` it is a whole address. */
	add(prefix: Uint8Array, bits = 8 * prefix.length): void {
		if (bits === 8 * prefix.length) {
			this.table[halfAt(prefix, prefix.length - 2) >> ADDRESS_SHIFT] = 1;
			return;
		}
		const free = 1 << Math.max(0, 16 - bits);
		const [high = 0, low = 0] = prefix;
		const first = ((high << 8) | low) & ~(free - 1);
		for (let n = first; n < first + free; n++) {
			const half = halfAt(Uint8Array.of(n >> 8, n & 0xff), 0);
			this.table[ADDRESS_PLACES + (half >> ADDRESS_SHIFT)] = 1;
		}
	}

	/**
	 * Returns true if the entry may have one of the addresses. `port` is the word of its
	 * original destination port, at the place where skip.ts has found it in an entry of
	 * IPv4 or of IPv6. `end` is the word after the message.
	 */
	passes(
		{ words, halves }: RecvBuffer,
		v4: boolean,
		port: number,
		end: number,
	): boolean {
		const { table } = this;
		const at = v4 ? port - 7 : port - 10;
		if (this.looksAt === "orig.dst")
			return (
				words[at - 1] !== (v4 ? V4_DST_WORD : V6_DST_WORD) ||
				hasAt(table, halves, v4, at)
			);
		const head = v4 ? V4_SRC_WORD : V6_SRC_WORD;
		const reply = port + 4;
		const orig = v4 ? port - 9 : port - 15;
		return (
			reply + 4 > end ||
			halves[2 * port + 3] !== REPLY_HALF ||
			words[reply - 1] !== head ||
			hasAt(table, halves, v4, reply) ||
			words[orig - 1] !== head ||
			hasAt(table, halves, v4, orig)
		);
	}

	/** Returns true if the address, in network order, may be one of those that were added. */
	mayHave(address: Uint8Array): boolean {
		return (
			this.table[halfAt(address, address.length - 2) >> ADDRESS_SHIFT] === 1 ||
			this.table[ADDRESS_PLACES + (halfAt(address, 0) >> ADDRESS_SHIFT)] === 1
		);
	}

	/** Answers as `mayHave`, for an IPv4 address as a word that memory shows. */
	mayHaveWord(word: number): boolean {
		const high = word >>> 16;
		const low = word & 0xffff;
		const { table } = this;
		return (
			table[(LITTLE_ENDIAN ? high : low) >> ADDRESS_SHIFT] === 1 ||
			table[
				ADDRESS_PLACES + ((LITTLE_ENDIAN ? low : high) >> ADDRESS_SHIFT)
			] === 1
		);
	}
}

/** Returns true if the address at this word may be one of those in the table. */
function hasAt(
	table: Uint8Array,
	halves: Uint16Array,
	v4: boolean,
	at: number,
): boolean {
	return (
		table[(halves[2 * (v4 ? at : at + 3) + 1] as number) >> ADDRESS_SHIFT] ===
			1 ||
		table[ADDRESS_PLACES + ((halves[2 * at] as number) >> ADDRESS_SHIFT)] === 1
	);
}
