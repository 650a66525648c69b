// Writes netlink messages and attributes (linux/netlink.h) of every protocol: one
// writer that owns bounds and alignment, and the names that reader.ts shares.
// Integers are in host order unless a name says `be`.

import { errnoName } from "./errno.ts";

// linux/netlink.h
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
export const NLM_F_REQUEST = 0x01;
export const NLM_F_ACK = 0x04;
export const NLM_F_DUMP = 0x300;
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLMSG_HDRLEN = 16;
export const NLA_F_NESTED = 0x8000;
export const NLA_TYPE_MASK = 0x3fff;

/** True if words read from memory are in the reverse of wire order. */
export const LITTLE_ENDIAN =
	new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Returns the word, as a received buffer shows it, that two halves are in memory: an attribute's length and type, or a message's type and flags. */
export function pairWord(first: number, second: number): number {
	return LITTLE_ENDIAN ? first | (second << 16) : (first << 16) | second;
}

/** Converts a 32-bit integer of the wire to a word of a buffer, or the other way round. */
export function be32(value: number): number {
	if (!LITTLE_ENDIAN) return value >>> 0;
	const swapped = ((value & 0xff00ff) << 8) | ((value >>> 8) & 0xff00ff);
	return ((swapped << 16) | (swapped >>> 16)) >>> 0;
}

/** Returns the 16 bits at `at` as a received buffer's halves show them. Bytes past the end are 0. */
export function halfAt(bytes: Uint8Array, at: number): number {
	const first = bytes[at] ?? 0;
	const second = bytes[at + 1] ?? 0;
	return LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
}

/** Thrown for bytes that the protocol does not allow; the message names what is wrong and where. */
export class DecodeError extends Error {
	override readonly name = "DecodeError";
}

/** Thrown if the kernel refused a request. */
export class NetlinkError extends Error {
	override readonly name = "NetlinkError";
	/** Positive. */
	readonly errno: number;
	constructor(request: string, errno: number, text: string | undefined) {
		super(`${request}: ${errnoName(errno)}${text ? ` (${text})` : ""}`);
		this.errno = errno;
	}
}

/** Rounds up to a multiple of 4, where attributes and messages begin. */
export const align = (n: number): number => (n + 3) & ~3;

/** Builds messages one after another in one buffer that grows. */
export class Writer {
	#bytes = new Uint8Array();
	#halves = new Uint16Array();
	#words = new Uint32Array();
	#at = 0;

	/** `capacity` is the first size of the buffer, in bytes. */
	constructor(capacity = 512) {
		this.#use(new Uint8Array(align(capacity)));
	}

	get length(): number {
		return this.#at;
	}

	/** Returns the bytes that were written so far; they are valid until the next write. */
	bytes(): Uint8Array {
		return this.#bytes.subarray(0, this.#at);
	}

	clear(): void {
		this.#at = 0;
	}

	/** Writes one message; its length is patched when `body` returns. If `body` throws, nothing of the message stays. */
	message(type: number, flags: number, seq: number, body: () => void): void {
		const start = this.#at;
		try {
			const at = this.#grow(NLMSG_HDRLEN);
			this.#halves[(at >> 1) + 2] = type;
			this.#halves[(at >> 1) + 3] = flags;
			this.#words[(at >> 2) + 2] = seq;
			this.#words[(at >> 2) + 3] = 0; // the kernel knows who sends
			body();
			this.#words[start >> 2] = this.#at - start;
		} catch (e) {
			this.#at = start;
			throw e;
		}
	}

	/**
	 * Makes room for a message of so many words and returns the index in `words` where
	 * it begins. The caller writes the words one by one: this is for messages that come
	 * by the thousand.
	 */
	take(words: number): number {
		return this.#grow(4 * words) >> 2;
	}

	/** The buffer that `take` has made room in. The next write may replace it. */
	get words(): Uint32Array {
		return this.#words;
	}

	/** Writes bytes outside of any attribute: the protocol's own header, padded with zeros. */
	header(bytes: readonly number[]): void {
		const at = this.#grow(bytes.length);
		this.#bytes.set(bytes, at);
	}

	nested(type: number, body: () => void): void {
		const start = this.#at;
		this.#attribute(type | NLA_F_NESTED, 0);
		body();
		this.#halves[start >> 1] = this.#at - start;
	}

	raw(type: number, payload: Uint8Array): void {
		const at = this.#attribute(type, payload.length);
		this.#bytes.set(payload, at);
	}

	u8(type: number, value: number): void {
		const at = this.#attribute(type, 1);
		this.#bytes[at] = value;
	}

	/** Throws TypeError unless the value is a 16-bit integer: a port must not wrap around to another. */
	u16be(type: number, value: number): void {
		if (!Number.isInteger(value) || value < 0 || value > 0xffff)
			throw new TypeError(`not 16 bits: ${value}`);
		const at = this.#attribute(type, 2);
		this.#bytes[at] = value >> 8;
		this.#bytes[at + 1] = value;
	}

	/** Writes the value in host order; `be32` makes a value of the wire. */
	u32(type: number, value: number): void {
		const at = this.#attribute(type, 4);
		this.#words[at >> 2] = value;
	}

	/** Writes a NUL-terminated string; `text` is ASCII. */
	string(type: number, text: string): void {
		const at = this.#attribute(type, text.length + 1);
		for (let i = 0; i < text.length; i++)
			this.#bytes[at + i] = text.charCodeAt(i);
	}

	/** Writes an attribute's header and returns where its payload begins. */
	#attribute(type: number, length: number): number {
		const at = this.#grow(4 + length);
		this.#halves[at >> 1] = 4 + length;
		this.#halves[(at >> 1) + 1] = type;
		return at + 4;
	}

	/**
	 * Makes room for `length` bytes and their padding, which is zeroed, and returns where
	 * it begins. This may replace the buffer, so a view must be taken after it.
	 */
	#grow(length: number): number {
		const at = this.#at;
		const end = at + align(length);
		if (end > this.#bytes.length) {
			const bigger = new Uint8Array(Math.max(end, 2 * this.#bytes.length));
			bigger.set(this.#bytes.subarray(0, at));
			this.#use(bigger);
		}
		for (let i = at + length; i < end; i++) this.#bytes[i] = 0;
		this.#at = end;
		return at;
	}

	#use(bytes: Uint8Array<ArrayBuffer>): void {
		this.#bytes = bytes;
		this.#halves = new Uint16Array(bytes.buffer);
		this.#words = new Uint32Array(bytes.buffer);
	}
}
