// A first look at an entry's addresses, on words: it holds back entries that certainly
// have none of the addresses of a request. It decides nothing about the others, which
// are judged as without it. On a node whose pods ask DNS servers, a hostPort 53 shares
// its number with most of the table.

import { halfAt } from "../netlink/nl.ts";
import type { RecvBuffer } from "../netlink/reader.ts";
import {
	REPLY_HALF,
	V4_DST_WORD,
	V4_SRC_WORD,
	V6_DST_WORD,
	V6_SRC_WORD,
} from "./layout.ts";

/** The places for the last 16 bits of an address, of which 12 are compared. There are as many for the first 16 bits of prefixes. */
const PLACES = 4096;
const SHIFT = 4;

export class Prefilter {
	readonly #isReply: boolean;
	readonly #table = new Uint8Array(2 * PLACES);

	/** Looks at the address that an entry came to, or at the one that its replies come from. */
	constructor(at: "orig.dst" | "reply.src") {
		this.#isReply = at === "reply.src";
	}

	/** Lets the addresses of a prefix of `bits` bits through. Without `bits` it is a whole address. */
	add(prefix: Uint8Array, bits = 8 * prefix.length): void {
		if (bits === 8 * prefix.length) {
			this.#table[halfAt(prefix, prefix.length - 2) >> SHIFT] = 1;
			return;
		}
		const free = 1 << Math.max(0, 16 - bits);
		const [high = 0, low = 0] = prefix;
		const first = ((high << 8) | low) & ~(free - 1);
		for (let n = first; n < first + free; n++) {
			const half = halfAt(Uint8Array.of(n >> 8, n & 0xff), 0);
			this.#table[PLACES + (half >> SHIFT)] = 1;
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
		let at: number;
		if (this.#isReply) {
			at = port + 4;
			if (
				at + 4 > end ||
				halves[2 * port + 3] !== REPLY_HALF ||
				words[at - 1] !== (v4 ? V4_SRC_WORD : V6_SRC_WORD)
			)
				return true;
		} else {
			at = v4 ? port - 7 : port - 10;
			if (words[at - 1] !== (v4 ? V4_DST_WORD : V6_DST_WORD)) return true;
		}
		const last = halves[2 * (v4 ? at : at + 3) + 1] ?? 0;
		const first = halves[2 * at] ?? 0;
		return (
			this.#table[last >> SHIFT] === 1 ||
			this.#table[PLACES + (first >> SHIFT)] === 1
		);
	}
}
