// A first look at a rule of nf_tables, on words: it holds back rules that certainly ask
// for another destination. A chain of kube-proxy has thousands of those, and decoding
// them would be most of the work. It decides nothing about the others.

import { be32, NLA_TYPE_MASK } from "../netlink/nl.ts";
import type { RecvBuffer } from "../netlink/reader.ts";
import type { Interest } from "./model.ts";

/** Returns the first four bytes of a name as a word of a buffer. */
function wordOf(name: string): number {
	const bytes = Uint8Array.from(name, (c) => c.charCodeAt(0));
	return new Int32Array(bytes.buffer)[0] ?? 0;
}

const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_PAYLOAD_DREG = 1;
const PAYLOAD = wordOf("payl");
const COMPARE = wordOf("cmp\0");
/** Expressions that load, compare or count, and have no verdict. */
const PASSING: ReadonlySet<number | undefined> = new Set(
	["meta", "matc", "coun", "bitw", "fib\0", "ct\0\0", "rang", "limi"].map(
		wordOf,
	),
);
const [ONE, TWO] = [be32(1), be32(2)];
/** The offsets of the destination's address in the headers of IPv4 and IPv6. */
const [V4_DST, V6_DST] = [be32(16), be32(24)];
const [V4_BYTES, V6_BYTES] = [be32(4), be32(16)];

/**
 * Returns false if the rule, whose attributes stand between the offsets, compares the
 * destination's address or port with one that is of no interest, and does nothing before
 * that. The offsets inside an expression are those at which nft_payload_dump and
 * nft_cmp_dump put the attributes; another layout ends the look.
 */
export function mayConcern(
	b: RecvBuffer,
	from: number,
	to: number,
	interest: Interest,
): boolean {
	const { bytes, words, halves } = b;
	let at = from;
	let size = 0;
	for (;;) {
		size = halves[at >> 1] ?? 0;
		if (to - at < 4 || size < 4 || at + size > to) return true;
		const type = (halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK;
		if (type === NFTA_RULE_EXPRESSIONS) break;
		at += (size + 3) & ~3;
	}
	const end = at + size;
	/** The register that has the destination, and the bytes of it; 0 if none has. */
	let register = 0;
	let length = 0;
	for (at += 4; end - at >= 12; at += (size + 3) & ~3) {
		size = halves[at >> 1] ?? 0;
		if (size < 12 || at + size > end) return true;
		const word = at >> 2;
		const name = words[word + 2];
		if (name === COMPARE) {
			if (length === 0) continue;
			// element, name, nest; register and operator of 8 bytes each; nest, value
			const value = at + 40;
			if (
				words[word + 5] === register &&
				words[word + 7] === 0 &&
				halves[(at + 36) >> 1] === 4 + length &&
				value + length <= at + size
			) {
				const isOurs =
					length === 2
						? interest.port(256 * (bytes[value] ?? 0) + (bytes[value + 1] ?? 0))
						: interest.address(bytes.subarray(value, value + length));
				if (!isOurs) return false;
			}
			length = 0;
		} else if (
			name === PAYLOAD &&
			size === 52 &&
			halves[(at + 22) >> 1] === NFTA_PAYLOAD_DREG
		) {
			// element, name, nest; then register, base, offset and length of 8 bytes each
			const base = words[word + 8];
			const offset = words[word + 10];
			const wanted = words[word + 12];
			length = 0;
			register = words[word + 6] ?? 0;
			if (base === ONE) {
				if (offset === V4_DST && wanted === V4_BYTES) length = 4;
				else if (offset === V6_DST && wanted === V6_BYTES) length = 16;
			} else if (base === TWO && offset === TWO && wanted === TWO) length = 2;
		} else if (PASSING.has(name)) length = 0;
		// anything else may end the rule before it compares
		else return true;
	}
	return true;
}
