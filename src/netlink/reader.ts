// Reads netlink messages and attributes: one buffer, and functions that check every
// length before it is used. No result keeps a view of the buffer.

import {
	AF_INET,
	AF_INET6,
	type Family,
	formatIP,
	type IP,
} from "../net/ip.ts";
import {
	align,
	DecodeError,
	LITTLE_ENDIAN,
	NLA_TYPE_MASK,
	NLM_F_ACK_TLVS,
	NLM_F_CAPPED,
	NLMSG_DONE,
	NLMSG_ERROR,
	NLMSG_HDRLEN,
} from "./nl.ts";

const NLMSGERR_ATTR_MSG = 1;
/** So many addresses of each family are remembered: about 25 kB for IPv4, 50 kB for IPv6. */
const TEXTS = 256;

/** A received buffer in the views that decoding needs. No slice of it may be kept, because it is reused. */
export class RecvBuffer {
	readonly bytes: Uint8Array;
	readonly view: DataView;
	/** With a sign, because the engine compares 32-bit integers faster than doubles, which half of the words would be without. */
	readonly words: Int32Array;
	readonly halves: Uint16Array;
	readonly #texts = new Map<number, IP>();
	/** Texts by the four words of the address in one; three of the words tell if it is the same address. */
	readonly #texts6 = new Map<
		number,
		{
			readonly text: IP;
			readonly a: number;
			readonly b: number;
			readonly c: number;
		}
	>();

	constructor(size: number) {
		this.bytes = new Uint8Array(size);
		this.view = new DataView(this.bytes.buffer);
		this.words = new Int32Array(this.bytes.buffer);
		this.halves = new Uint16Array(this.bytes.buffer);
	}

	/** Returns the text of the address at a word. It is remembered, because many entries have the same few addresses. */
	ip(word: number, family: Family): IP {
		if (family !== AF_INET) return this.#ip6(word);
		const key = this.words[word] ?? 0;
		const known = this.#texts.get(key);
		if (known !== undefined) return known;
		const text = formatIP(this.bytes, 4 * word, family);
		if (this.#texts.size >= TEXTS) this.#texts.clear();
		this.#texts.set(key, text);
		return text;
	}

	#ip6(word: number): IP {
		const { words } = this;
		const a = words[word] ?? 0;
		const b = words[word + 1] ?? 0;
		const c = words[word + 2] ?? 0;
		const key = a ^ b ^ c ^ (words[word + 3] ?? 0);
		const known = this.#texts6.get(key);
		if (known && known.a === a && known.b === b && known.c === c)
			return known.text;
		const text = formatIP(this.bytes, 4 * word, AF_INET6);
		if (this.#texts6.size >= TEXTS) this.#texts6.clear();
		this.#texts6.set(key, { text, a, b, c });
		return text;
	}

	/** Returns the ASCII text at `at` up to its NUL. */
	text(at: number, length: number): string {
		let found = "";
		for (let i = at; i < at + length && this.bytes[i]; i++)
			found += String.fromCharCode(this.bytes[i] ?? 0);
		return found;
	}

	u32(at: number): number {
		return this.view.getUint32(at, LITTLE_ENDIAN);
	}
}

/** A message's place in a buffer; offsets are in bytes. */
export interface Message {
	readonly type: number;
	readonly flags: number;
	readonly seq: number;
	/** The offset of the header. */
	readonly start: number;
	/** The offset after the payload; not aligned. */
	readonly end: number;
}

/**
 * Returns the message at `at` of a datagram of `length` bytes. The last message may be
 * unaligned. Throws DecodeError if the message's length does not fit.
 */
export function messageAt(b: RecvBuffer, at: number, length: number): Message {
	if (length - at < NLMSG_HDRLEN)
		throw new DecodeError(`${length - at} bytes left, no message header`);
	const word = at >> 2; // messages begin at multiples of 4
	const size = (b.words[word] as number) >>> 0;
	if (size < NLMSG_HDRLEN || at + size > length)
		throw new DecodeError(`message of ${size} bytes in ${length - at}`);
	return {
		type: b.halves[2 * word + 2] as number,
		flags: b.halves[2 * word + 3] as number,
		seq: (b.words[word + 2] as number) >>> 0,
		start: at,
		end: at + size,
	};
}

/** Returns the offset of the message after `m`. */
export function after(m: Message): number {
	return align(m.end);
}

/**
 * Calls `visit(type, at, length)` for each attribute between the offsets, with the
 * payload's offset and length; flag bits of the type are masked. `from` is a multiple of
 * 4, as every attribute's place is. Throws DecodeError if a length does not fit.
 */
export function attributes(
	b: RecvBuffer,
	from: number,
	to: number,
	visit: (type: number, at: number, length: number) => void,
): void {
	for (let at = from; to - at >= 4; ) {
		const size = b.halves[at >> 1] ?? 0;
		if (size < 4 || at + size > to)
			throw new DecodeError(`attribute of ${size} bytes in ${to - at}`);
		const type = (b.halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK;
		visit(type, at + 4, size - 4);
		at += align(size);
	}
}

/**
 * Returns the errno of a NLMSG_ERROR or NLMSG_DONE: positive, or 0 for success. A DONE
 * without payload is a success. Throws DecodeError if the message is cut.
 */
export function errnoOf(b: RecvBuffer, m: Message): number {
	const at = m.start + NLMSG_HDRLEN;
	if (m.end - at < 4) {
		if (m.type === NLMSG_DONE) return 0;
		throw new DecodeError(`error message of ${m.end - m.start} bytes`);
	}
	return -b.view.getInt32(at, LITTLE_ENDIAN);
}

/** Returns the kernel's own words (NETLINK_EXT_ACK), if an NLMSG_ERROR carries any. */
export function errorText(b: RecvBuffer, m: Message): string | undefined {
	if (m.type !== NLMSG_ERROR || !(m.flags & NLM_F_ACK_TLVS)) return undefined;
	const request = m.start + NLMSG_HDRLEN + 4;
	if (m.end - request < NLMSG_HDRLEN) return undefined;
	const echoed = m.flags & NLM_F_CAPPED ? NLMSG_HDRLEN : b.u32(request);
	if (echoed > m.end - request) return undefined;
	let text: string | undefined;
	attributes(b, request + align(echoed), m.end, (type, at, length) => {
		if (type === NLMSGERR_ATTR_MSG) text = b.text(at, length);
	});
	return text;
}
