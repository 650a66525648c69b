// Writing netlink messages and attributes (linux/netlink.h), of every protocol: one
// writer that owns bounds and alignment, and the names that reader.ts shares.
// Integers are in host order unless a name says `be`.

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

/** Whether words read from memory are in the reverse of wire order. */
export const LITTLE_ENDIAN =
	new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Two halves as the word that they are in memory: an attribute's length and type, a message's type and flags. */
export function pairWord(first: number, second: number): number {
	const word = LITTLE_ENDIAN ? first | (second << 16) : (first << 16) | second;
	return word >>> 0;
}

/** A 32-bit integer of the wire as a word of a buffer, or the other way round. */
export function be32(value: number): number {
	if (!LITTLE_ENDIAN) return value >>> 0;
	const swapped = ((value & 0xff00ff) << 8) | ((value >>> 8) & 0xff00ff);
	return ((swapped << 16) | (swapped >>> 16)) >>> 0;
}

/** The 16 bits at `at` as a received buffer's halves show them; 0 past the end. */
export function halfAt(bytes: Uint8Array, at: number): number {
	const first = bytes[at] ?? 0;
	const second = bytes[at + 1] ?? 0;
	return LITTLE_ENDIAN ? first | (second << 8) : (first << 8) | second;
}

/** Bytes that are not what the protocol says; the message names what and where. */
export class DecodeError extends Error {
	override readonly name = "DecodeError";
}

/** The kernel refused a request. */
export class NetlinkError extends Error {
	override readonly name = "NetlinkError";
	/** Positive. */
	readonly errno: number;
	constructor(request: string, errno: number, text: string | undefined) {
		super(`${request}: ${errnoName(errno)}${text ? ` (${text})` : ""}`);
		this.errno = errno;
	}
}

// asm-generic/errno.h; those that ctnetlink and rtnetlink give
export const EPERM = 1;
export const ENOENT = 2;
export const EINTR = 4;
export const EAGAIN = 11;
export const EBUSY = 16;
export const ENODEV = 19;
export const EINVAL = 22;
export const EOPNOTSUPP = 95;
export const ENOBUFS = 105;
const ERRNO: Readonly<Record<number, string>> = {
	[EPERM]: "EPERM",
	[ENOENT]: "ENOENT",
	[EINTR]: "EINTR",
	[EAGAIN]: "EAGAIN",
	12: "ENOMEM",
	[EBUSY]: "EBUSY",
	17: "EEXIST",
	[ENODEV]: "ENODEV",
	[EINVAL]: "EINVAL",
	34: "ERANGE",
	93: "EPROTONOSUPPORT",
	[EOPNOTSUPP]: "EOPNOTSUPP",
	[ENOBUFS]: "ENOBUFS",
};

/** "EPERM"; of those that we do not expect, the number. */
export function errnoName(errno: number): string {
	return ERRNO[errno] ?? `errno ${errno}`;
}

/** Attributes and messages begin at multiples of 4. */
export const align = (n: number): number => (n + 3) & ~3;

/** Builds messages one after another in one buffer that grows. */
export class Writer {
	#bytes = new Uint8Array();
	#halves = new Uint16Array();
	#words = new Uint32Array();
	#at = 0;

	/** `capacity` in bytes, to begin with. */
	constructor(capacity = 512) {
		this.#use(new Uint8Array(align(capacity)));
	}

	get length(): number {
		return this.#at;
	}

	/** What was written so far; valid until the next write. */
	bytes(): Uint8Array {
		return this.#bytes.subarray(0, this.#at);
	}

	clear(): void {
		this.#at = 0;
	}

	/** One message; its length is patched when `body` returns. A body that throws leaves no trace. */
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
	 * Room for a message of so many words that the caller writes one by one, for
	 * those that come by the thousand: the index in `words` where it begins.
	 */
	take(words: number): number {
		return this.#grow(4 * words) >> 2;
	}

	/** What `take` has made room in; another buffer after the next write. */
	get words(): Uint32Array {
		return this.#words;
	}

	/** Bytes outside of any attribute: the family's own header, padded with zeros. */
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

	/** Throws TypeError for what is no 16-bit integer: a port must not wrap around to another. */
	u16be(type: number, value: number): void {
		if (!Number.isInteger(value) || value < 0 || value > 0xffff)
			throw new TypeError(`not 16 bits: ${value}`);
		const at = this.#attribute(type, 2);
		this.#bytes[at] = value >> 8;
		this.#bytes[at + 1] = value;
	}

	/** In host order; `be32` makes a value of the wire. */
	u32(type: number, value: number): void {
		const at = this.#attribute(type, 4);
		this.#words[at >> 2] = value;
	}

	/** NUL-terminated; `text` is ASCII. */
	string(type: number, text: string): void {
		const at = this.#attribute(type, text.length + 1);
		for (let i = 0; i < text.length; i++)
			this.#bytes[at + i] = text.charCodeAt(i);
	}

	/** Writes an attribute's header, returns where its payload begins. */
	#attribute(type: number, length: number): number {
		const at = this.#grow(4 + length);
		this.#halves[at >> 1] = 4 + length;
		this.#halves[(at >> 1) + 1] = type;
		return at + 4;
	}

	/**
	 * Room for `length` bytes and their padding, which is zeroed; returns where it begins.
	 * It may replace the buffer: call it before one of its views is named.
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
