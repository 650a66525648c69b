// The targets of xtables that choose a destination: DNAT and REDIRECT, with the ranges of
// linux/netfilter/nf_nat.h. Flags are in host order, addresses and ports in network order.
// It reads no expression `nat` of nft.

import { AF_INET, type Family, ipLength } from "../net/ip.ts";
import { DecodeError } from "../netlink/nl.ts";
import { need, u32 } from "./blob.ts";
import type { Step } from "./model.ts";

const NF_NAT_RANGE_MAP_IPS = 1;
const NF_NAT_RANGE_PROTO_SPECIFIED = 2;
const NF_NAT_RANGE_PROTO_OFFSET = 32;
const NF_NAT_RANGE_NETMAP = 64;

const UNCLEAR: Step = { is: "unclear" };

/**
 * Reads the target DNAT: revision 0 is for IPv4 alone (nf_nat_ipv4_multi_range_compat), 1
 * has struct nf_nat_range and 2 nf_nat_range2. The step is unclear if the range shifts
 * ports, or if it has no address, because then the packet keeps its own
 * (find_best_ips_proto). Throws DecodeError if the blob is too short.
 */
export function dnat(revision: number, blob: DataView, family: Family): Step {
	if (revision === 0 && family !== AF_INET) return UNCLEAR;
	const { flags, min, max, ports } =
		revision === 0 ? compatRange(blob) : rangeOf(blob, family);
	const isPlain =
		(flags & NF_NAT_RANGE_MAP_IPS) !== 0 &&
		(flags & (NF_NAT_RANGE_PROTO_OFFSET | NF_NAT_RANGE_NETMAP)) === 0;
	if (!isPlain || !isSpan(min, max) || !isOrdered(ports)) return UNCLEAR;
	return { is: "send", target: { addresses: { min, max }, ports } };
}

/** Reads the target REDIRECT, which has a range of another struct in each family. Throws DecodeError if the blob is too short. */
export function redirect(blob: DataView, family: Family): Step {
	const { flags, ports } =
		family === AF_INET ? compatRange(blob) : rangeOf(blob, family);
	if ((flags & NF_NAT_RANGE_PROTO_OFFSET) !== 0 || !isOrdered(ports))
		return UNCLEAR;
	return { is: "send", target: { addresses: undefined, ports } };
}

interface Range {
	readonly flags: number;
	readonly min: Uint8Array;
	readonly max: Uint8Array;
	readonly ports: { readonly min: number; readonly max: number } | undefined;
}

/** Reads struct nf_nat_ipv4_multi_range_compat. The kernel takes no other number of ranges than 1. */
function compatRange(blob: DataView): Range {
	need(blob, 20, "range of NAT");
	if (u32(blob, 0) !== 1)
		throw new DecodeError(`target of ${u32(blob, 0)} ranges`);
	return range(blob, 4, 4, 4);
}

/** Reads struct nf_nat_range or the beginning of nf_nat_range2, which have room for IPv6 in every family. */
function rangeOf(blob: DataView, family: Family): Range {
	need(blob, 40, "range of NAT");
	return range(blob, 0, 16, ipLength(family));
}

/** `room` is the number of bytes for an address, of which it has `length`. */
function range(
	blob: DataView,
	at: number,
	room: number,
	length: number,
): Range {
	const flags = u32(blob, at);
	const address = (from: number): Uint8Array =>
		new Uint8Array(blob.buffer, blob.byteOffset + from, length).slice();
	const ports = at + 4 + 2 * room;
	return {
		flags,
		min: address(at + 4),
		max: address(at + 4 + room),
		ports:
			(flags & NF_NAT_RANGE_PROTO_SPECIFIED) !== 0
				? { min: blob.getUint16(ports), max: blob.getUint16(ports + 2) }
				: undefined,
	};
}

function isOrdered(ports: Range["ports"]): boolean {
	return !ports || ports.min <= ports.max;
}

/**
 * Returns true if the kernel takes every address between two ends and no other one. It
 * draws each word of an IPv6 address by itself (find_best_ips_proto), so that ends which
 * differ before the last word stand for other addresses too.
 */
export function isSpan(min: Uint8Array, max: Uint8Array): boolean {
	for (const [i, byte] of min.entries()) {
		const end = max[i] ?? 0;
		if (byte !== end) return byte < end && i >= min.length - 4;
	}
	return true;
}
