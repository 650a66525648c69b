// The nat rules in one form, whatever program wrote them and whatever backend holds them.
// nft.ts, xtables.ts and legacy.ts make it, evaluate.ts asks it. It holds types and the
// few functions that all of them need.

import type { Family } from "../net/ip.ts";

/** NFPROTO_INET of linux/netfilter.h: a table for both families. */
export const NFPROTO_INET = 1;

/** The families of tables, as nft names them. */
export const TABLE_FAMILIES: Readonly<Record<number, string>> = {
	[NFPROTO_INET]: "inet",
	2: "ip",
	10: "ip6",
};

/** A chain of one table. */
export interface ChainID {
	/** "legacy" is the older backend of iptables, which nf_tables does not show. */
	readonly backend: "nft" | "legacy";
	/** A number of TABLE_FAMILIES. */
	readonly family: number;
	readonly table: string;
	readonly chain: string;
}

/** The place of one rule. */
export interface Place extends ChainID {
	/** The rule's handle in nf_tables; its position, from 1, in a legacy chain. */
	readonly handle: number;
}

/** The hooks at which a new flow may get another destination: NF_INET_PRE_ROUTING and NF_INET_LOCAL_OUT. */
export type Hook = "prerouting" | "output";

/** A chain that the kernel itself calls. */
export interface BaseChain extends ChainID {
	readonly hook: Hook;
	readonly priority: number;
	readonly policy: "accept" | "drop";
}

/** The first packet of a flow, as far as it is known. */
export interface Packet {
	readonly family: Family;
	/** A protocol with ports: UDP, TCP or SCTP. */
	readonly proto: number;
	/** The addresses in network order, 4 or 16 bytes. */
	readonly src: Uint8Array;
	readonly dst: Uint8Array;
	readonly dport: number;
	/** True if the node itself sends it: it passes the hook output, where no interface is set. */
	readonly isSentByNode: boolean;
	/** The interface that it arrives on, if that is known. */
	readonly arrivesOn: string | undefined;
	/** Returns true if the address is the node's own for the kernel (RTN_LOCAL). */
	isLocal(address: Uint8Array): boolean;
}

/** The result of a match: "maybe" stands for what depends on more than the packet. */
export type MatchAnswer = "yes" | "no" | "maybe";

/** A destination that a rule chooses. */
export interface NatTarget {
	/** Network order, both ends included; undefined is the node's own address on the interface (REDIRECT). */
	readonly addresses:
		| { readonly min: Uint8Array; readonly max: Uint8Array }
		| undefined;
	/** Both ends included; undefined leaves the port as it is. */
	readonly ports: { readonly min: number; readonly max: number } | undefined;
}

/** The registers' bytes begin at 0; a register of 32 bits has four of them. */
export type Register = number;

/**
 * One step of a rule. Steps go on until one of them does not match. What has no part in
 * the decision, such as a counter, is no step.
 */
export type Step =
	/** Loads bytes of a header. */
	| {
			readonly is: "payload";
			readonly base: "network" | "transport";
			readonly offset: number;
			readonly length: number;
			readonly to: Register;
	  }
	/** Loads a fact about the packet. */
	| {
			readonly is: "fact";
			readonly fact: Fact;
			readonly to: Register;
			readonly length: number;
	  }
	/** Loads what is not known. */
	| { readonly is: "unknown"; readonly to: Register; readonly length: number }
	| {
			readonly is: "constant";
			readonly to: Register;
			readonly bytes: Uint8Array;
	  }
	| {
			readonly is: "bitwise";
			readonly from: Register;
			readonly to: Register;
			readonly mask: Uint8Array;
			readonly xor: Uint8Array;
	  }
	| {
			readonly is: "compare";
			readonly from: Register;
			readonly op: "==" | "!=" | "<" | "<=" | ">" | ">=";
			readonly bytes: Uint8Array;
	  }
	| {
			readonly is: "range";
			readonly from: Register;
			readonly isInverted: boolean;
			readonly min: Uint8Array;
			readonly max: Uint8Array;
	  }
	| {
			readonly is: "lookup";
			readonly set: string;
			readonly from: Register;
			/** The register for a map's data; undefined tests only whether the key is in the set. A map of verdicts has `VERDICT`. */
			readonly to: Register | undefined;
			readonly isInverted: boolean;
	  }
	/** A match of xtables, or one that depends on more than the packet. */
	| {
			readonly is: "match";
			matches(p: Packet): MatchAnswer;
			/** The destination ports that it lets pass, if it names each of them. */
			readonly ports?: readonly number[] | undefined;
	  }
	| ChainVerdict
	/** A DNAT whose address and ports stand in registers. */
	| {
			readonly is: "nat";
			/** The family of the address; in a table of both families, packets of the other one pass. */
			readonly family: number;
			/** Undefined leaves the packet its own address. */
			readonly address:
				| { readonly min: Register; readonly max: Register }
				| undefined;
			readonly ports:
				| { readonly min: Register; readonly max: Register }
				| undefined;
	  }
	/** A DNAT to the node's own address, with the ports in registers. */
	| {
			readonly is: "redirect";
			readonly ports:
				| { readonly min: Register; readonly max: Register }
				| undefined;
	  }
	/** A DNAT whose destination stands in the rule. */
	| { readonly is: "send"; readonly target: NatTarget };

/** The register of verdicts (NFT_REG_VERDICT), which has no bytes. */
export const VERDICT = -1;

export type ChainVerdict =
	/** "unclear" is a verdict or target that is not understood. */
	| { readonly is: "accept" | "drop" | "return" | "unclear" }
	| { readonly is: "jump" | "goto"; readonly chain: string };

/** The facts that a rule may load beside headers. */
export type Fact =
	| "protocol of layer 3"
	| "family"
	| "protocol of layer 4"
	| "arriving interface"
	| "leaving interface"
	| "kind of destination"
	| "kind of source";

export interface NatRule extends Place {
	readonly steps: readonly Step[];
	/** The only destination ports that it matches, if it names each of them. A pod with a hundred ports has a hundred rules, of which one concerns a packet. */
	readonly ports?: readonly number[] | undefined;
}

/** Returns the only destination ports with which a packet gets past the steps, if they name each of them. */
export function onlyPorts(
	steps: readonly Step[],
): readonly number[] | undefined {
	/** The register that holds the port. */
	let loaded: Register | undefined;
	for (const step of steps) {
		switch (step.is) {
			case "payload": {
				const { base, offset, length, to } = step;
				if (base === "transport" && offset === 2 && length === 2) loaded = to;
				else if (loaded !== undefined && to <= loaded) loaded = undefined;
				break;
			}
			case "compare": {
				const [high = 0, low = 0] = step.bytes;
				if (step.from === loaded && step.op === "==" && step.bytes.length === 2)
					return [256 * high + low];
				break;
			}
			case "match":
				if (step.ports) return step.ports;
				break;
			case "range":
				break;
			case "fact":
			case "unknown":
			case "constant":
			case "bitwise":
				if (loaded !== undefined && step.to <= loaded) loaded = undefined;
				break;
			case "lookup":
				if (step.to !== undefined) return undefined;
				break;
			default:
				// the packet has met a verdict or a target
				return undefined;
		}
	}
	return undefined;
}

/** An element of a set or map. */
export interface Element {
	readonly key: Uint8Array;
	/** The end of a range of concatenated keys, included. */
	readonly keyEnd: Uint8Array | undefined;
	/** It ends the interval before it and is itself outside (NFT_SET_ELEM_INTERVAL_END). */
	readonly isEnd: boolean;
	/** It stands for every key that no other element has. */
	readonly isCatchAll: boolean;
	/** It has a limit or a quota of its own, so that a key may miss it. */
	readonly isLimited: boolean;
	/** A map's data. */
	readonly data: Uint8Array | ChainVerdict | undefined;
}

/** The shape of a set or map, without its elements. */
export interface SetShape {
	/** Bytes of a key. */
	readonly keyLength: number;
	/** Its elements are the ends of intervals, in the order of their keys. */
	readonly isInterval: boolean;
	/** Bytes of each part of a concatenated key, without padding; empty if the key is no concatenation of ranges. */
	readonly parts: readonly number[];
	/** Packets add elements or time removes them, so a lookup both hits and misses. */
	readonly changes: boolean;
	/** It may have elements that nobody has read, with any data. */
	readonly grows: boolean;
}

/** Returns the name under which a chain is kept. */
export function chainKey({ backend, family, table, chain }: ChainID): string {
	return `${backend} ${family} ${table} ${chain}`;
}

/** Returns the answer of two matches that must both be true. */
export function both(a: MatchAnswer, b: MatchAnswer): MatchAnswer {
	if (a === "no" || b === "no") return "no";
	return a === "yes" && b === "yes" ? "yes" : "maybe";
}

/** Returns the answer of the opposite match. */
export function not(a: MatchAnswer): MatchAnswer {
	if (a === "maybe") return a;
	return a === "yes" ? "no" : "yes";
}

/** The packets in question. Rules that concern none of them need not be decoded. */
export interface Interest {
	/** Returns true if a packet in question may have this destination, in network order. */
	address(dst: Uint8Array): boolean;
	/** Returns true if a packet in question may have this destination port. */
	port(dport: number): boolean;
}

/** One of the things that may happen to the packet. */
export type Outcome =
	| { readonly is: "target"; readonly target: NatTarget; readonly by: Place }
	/** No rule gives it another destination. */
	| { readonly is: "none" }
	| { readonly is: "dropped"; readonly by: ChainID }
	/** A rule does something that is not understood. */
	| { readonly is: "unknown"; readonly by: Place };

/**
 * The rules as far as they have been read. A method returns undefined for what has not,
 * and remembers what it was asked for.
 */
export interface Knowledge {
	readonly bases: readonly BaseChain[];
	rules(chain: ChainID): readonly NatRule[] | undefined;
	shape(chain: ChainID, set: string): SetShape | undefined;
	/** Returns all elements of a set. */
	elements(chain: ChainID, set: string): readonly Element[] | undefined;
	/**
	 * Returns the element that has the key or, without a key, the one that stands for all
	 * other keys; null if there is none.
	 */
	element(
		chain: ChainID,
		set: string,
		key: Uint8Array | undefined,
	): Element | null | undefined;
}

/** Compares two byte strings of equal length as memcmp does. Addresses of different lengths are never equal. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
	if (a.length !== b.length) return a.length - b.length;
	for (let i = 0; i < a.length; i++) {
		const difference = (a[i] ?? 0) - (b[i] ?? 0);
		if (difference !== 0) return difference;
	}
	return 0;
}
