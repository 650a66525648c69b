// The registers of nf_tables: 64 bytes, of which each is known or not. Values are loaded
// from the packet and compared as the kernel does it (net/netfilter/nf_tables_core.c).

import { AF_INET } from "../net/ip.ts";
import { align, DecodeError, LITTLE_ENDIAN } from "../netlink/nl.ts";
import {
	compareBytes,
	type Fact,
	type MatchAnswer,
	not,
	type Packet,
	type Register,
	type Step,
} from "./model.ts";

/** NFT_REG32_COUNT registers of 4 bytes. */
const SIZE = 64;
/** IFNAMSIZ of linux/if.h. */
const IFNAMSIZ = 16;
// linux/rtnetlink.h
const RTN_UNICAST = 1;
const RTN_LOCAL = 2;
const RTN_BROADCAST = 3;
const RTN_MULTICAST = 5;

type Load = Extract<
	Step,
	{ is: "payload" | "fact" | "unknown" | "constant" | "bitwise" }
>;
type Test = Extract<Step, { is: "compare" | "range" }>;

export class Registers {
	readonly #bytes: Uint8Array;
	/** 1 where the byte is known. */
	readonly #known: Uint8Array;

	constructor(bytes = new Uint8Array(SIZE), known = new Uint8Array(SIZE)) {
		this.#bytes = bytes;
		this.#known = known;
	}

	/** Forgets all values: a rule starts with none of its own. */
	clear(): void {
		this.#known.fill(0);
	}

	copy(): Registers {
		return new Registers(this.#bytes.slice(), this.#known.slice());
	}

	/**
	 * Stores bytes. The rest of the last register of 32 bits becomes zero, as in
	 * nft_payload_eval and nft_reg_store8. Throws DecodeError if they do not fit.
	 */
	store(to: Register, bytes: Uint8Array): void {
		const end = endOf(to, bytes.length);
		this.#bytes.fill(0, to, end);
		this.#bytes.set(bytes, to);
		this.#known.fill(1, to, end);
	}

	/** Returns the bytes at a register, or undefined if one of them is not known. */
	value(from: Register, length: number): Uint8Array | undefined {
		for (let i = from; i < from + length; i++)
			if (!this.#known[i]) return undefined;
		return this.#bytes.slice(from, from + length);
	}

	/** Returns the bytes at a register, and which of them are known. */
	partial(
		from: Register,
		length: number,
	): { readonly bytes: Uint8Array; readonly known: Uint8Array } {
		return {
			bytes: this.#bytes.slice(from, from + length),
			known: this.#known.slice(from, from + length),
		};
	}

	/** Throws DecodeError if the value does not fit. */
	load(step: Load, p: Packet): void {
		switch (step.is) {
			case "constant":
				this.store(step.to, step.bytes);
				return;
			case "unknown":
				this.#forget(step.to, step.length);
				return;
			case "fact": {
				const bytes = factOf(step.fact, p, step.length);
				if (bytes) this.store(step.to, bytes);
				else this.#forget(step.to, step.length);
				return;
			}
			case "bitwise": {
				const { from, to, mask, xor } = step;
				const end = endOf(to, mask.length);
				for (let i = 0; i < mask.length; i++) {
					const m = mask[i] ?? 0;
					this.#bytes[to + i] =
						((this.#bytes[from + i] ?? 0) & m) ^ (xor[i] ?? 0);
					// a bit that is masked out is known to be zero
					this.#known[to + i] = m === 0 ? 1 : (this.#known[from + i] ?? 0);
				}
				// nft_bitwise_eval works on whole registers, with a mask that ends in zeros
				this.#bytes.fill(0, to + mask.length, end);
				this.#known.fill(1, to + mask.length, end);
				return;
			}
			case "payload":
				this.#loadPayload(step, p);
		}
	}

	#loadPayload(step: Extract<Load, { is: "payload" }>, p: Packet): void {
		const { base, offset, length, to } = step;
		const end = endOf(to, length);
		this.#bytes.fill(0, to, end);
		this.#known.fill(1, to, end);
		for (let i = 0; i < length; i++) {
			const byte = headerByte(p, base, offset + i);
			this.#bytes[to + i] = byte ?? 0;
			this.#known[to + i] = byte === undefined ? 0 : 1;
		}
	}

	/** The length may be more than is loaded, because what is not known never decides. */
	#forget(to: Register, length: number): void {
		this.#bytes.fill(0, to, to + align(length));
		this.#known.fill(0, to, to + length);
	}

	/** Says whether a comparison is true. */
	test(step: Test): MatchAnswer {
		if (step.is === "range") {
			const value = this.value(step.from, step.min.length);
			if (!value) return "maybe";
			const isInside =
				compareBytes(value, step.min) >= 0 &&
				compareBytes(value, step.max) <= 0;
			return isInside !== step.isInverted ? "yes" : "no";
		}
		const { from, op, bytes } = step;
		if (op === "==") return this.#equals(from, bytes);
		if (op === "!=") return not(this.#equals(from, bytes));
		const value = this.value(from, bytes.length);
		if (!value) return "maybe";
		const order = compareBytes(value, bytes);
		const isTrue =
			op === "<"
				? order < 0
				: op === "<="
					? order <= 0
					: op === ">"
						? order > 0
						: order >= 0;
		return isTrue ? "yes" : "no";
	}

	#equals(from: Register, bytes: Uint8Array): MatchAnswer {
		let answer: MatchAnswer = "yes";
		for (let i = 0; i < bytes.length; i++) {
			if (!this.#known[from + i]) answer = "maybe";
			else if (this.#bytes[from + i] !== bytes[i]) return "no";
		}
		return answer;
	}
}

/** Returns the end of the last register of a value. Throws DecodeError if the value does not fit, which the kernel allows in no rule. */
function endOf(to: Register, length: number): number {
	if (to < 0 || to + length > SIZE)
		throw new DecodeError(`value of ${length} bytes at register byte ${to}`);
	return to + align(length);
}

/** Returns a byte of the packet's headers, or undefined if it is not known. */
function headerByte(
	p: Packet,
	base: "network" | "transport",
	at: number,
): number | undefined {
	if (base === "transport") {
		if (at === 2) return p.dport >> 8;
		return at === 3 ? p.dport & 0xff : undefined;
	}
	const v4 = p.family === AF_INET;
	// struct iphdr and struct ipv6hdr
	if (at === (v4 ? 9 : 6)) return p.proto;
	const src = v4 ? 12 : 8;
	const length = v4 ? 4 : 16;
	if (at >= src && at < src + length) return p.src[at - src];
	if (at >= src + length && at < src + 2 * length)
		return p.dst[at - src - length];
	return undefined;
}

/** Returns a fact as the kernel stores it, or undefined if it is not known. */
function factOf(fact: Fact, p: Packet, length: number): Uint8Array | undefined {
	switch (fact) {
		case "protocol of layer 3":
			return p.family === AF_INET
				? Uint8Array.of(0x08, 0x00)
				: Uint8Array.of(0x86, 0xdd);
		case "family":
			return Uint8Array.of(p.family);
		case "protocol of layer 4":
			return Uint8Array.of(p.proto);
		case "arriving interface":
			if (p.isSentByNode) return new Uint8Array(length);
			return length === IFNAMSIZ && p.arrivesOn !== undefined
				? nameOf(p.arrivesOn)
				: undefined;
		case "leaving interface":
			// the route is chosen after the hook prerouting
			return p.isSentByNode ? undefined : new Uint8Array(length);
		case "kind of destination":
			return kindOf(p.isLocal(p.dst), p.dst);
		case "kind of source":
			return kindOf(p.isLocal(p.src), p.src);
	}
}

function nameOf(ifname: string): Uint8Array {
	const name = new Uint8Array(IFNAMSIZ);
	for (let i = 0; i < Math.min(ifname.length, IFNAMSIZ - 1); i++)
		name[i] = ifname.charCodeAt(i);
	return name;
}

/**
 * Returns the address's type as a u32 in host order (inet_dev_addr_type, nft_fib6_eval).
 * The broadcast address of a subnet and an address without a route count as unicast: the
 * rules of published ports ask only whether an address is local.
 */
function kindOf(isLocal: boolean, address: Uint8Array): Uint8Array {
	const [first = 0] = address;
	const isV4 = address.length === 4;
	const isBroadcast =
		isV4 && (first === 0 || address.every((byte) => byte === 255));
	const isMulticast = isV4 ? first >= 224 && first < 240 : first === 255;
	const bytes = new Uint8Array(4);
	bytes[LITTLE_ENDIAN ? 0 : 3] = isBroadcast
		? RTN_BROADCAST
		: isMulticast
			? RTN_MULTICAST
			: isLocal
				? RTN_LOCAL
				: RTN_UNICAST;
	return bytes;
}
