// The matches and targets of xtables (linux/netfilter/xt_*.h), as legacy iptables keeps
// them and as iptables-nft wraps them. A match that it does not know is one that may match,
// so it lists none of those. It reads no table; the ranges of NAT are in natrange.ts.

import { own } from "../lookup.ts";
import { AF_INET, type Family } from "../net/ip.ts";
import { DecodeError } from "../netlink/nl.ts";
import { need, u16, u32 } from "./blob.ts";
import {
	both,
	type MatchAnswer,
	not,
	type Packet,
	type Step,
} from "./model.ts";
import { dnat, redirect } from "./natrange.ts";

type Matches = (p: Packet) => MatchAnswer;

/** A match that depends on more than the packet, or that is not understood. */
const maybe: Matches = () => "maybe";

/**
 * Reads a match. Returns undefined if it never holds a packet up, as a comment does not.
 * A match that is not understood answers "maybe" to every packet. Throws DecodeError if
 * the blob is too short.
 */
export function matchOf(
	name: string,
	revision: number,
	blob: DataView,
	family: Family,
): Matches | undefined {
	switch (`${name} ${revision}`) {
		case "comment 0":
			return undefined;
		case "udp 0":
		case "tcp 0":
		case "sctp 0":
			return matchOfPorts(portsOf(name, blob));
		case "multiport 0":
		case "multiport 1":
			return multiport(multiportOf(revision, blob));
		case "addrtype 0":
		case "addrtype 1":
			return addrtype(revision, blob, family);
		default:
			return maybe;
	}
}

/**
 * Returns the destination ports that a match of udp, tcp, sctp or multiport lets pass, if
 * it names each of them. Returns undefined for every other match. Throws DecodeError if
 * the blob is too short.
 */
export function exactPorts(
	name: string,
	revision: number,
	blob: DataView,
): readonly number[] | undefined {
	if (name === "multiport" && revision <= 1) {
		const { side, ranges, isInverted } = multiportOf(revision, blob);
		return side === DESTINATION &&
			!isInverted &&
			ranges.every(([min, max]) => min === max)
			? ranges.map(([min]) => min)
			: undefined;
	}
	if (revision !== 0 || own(SIZES, name) === undefined) return undefined;
	const { min, max, isInverted } = portsOf(name, blob);
	return min === max && !isInverted ? [min] : undefined;
}

/**
 * Reads a target. Returns undefined if the packet always goes on to the next rule. A
 * target that is not understood is a step that is unclear. Throws DecodeError if the
 * blob is too short.
 */
export function targetOf(
	name: string,
	revision: number,
	blob: DataView,
	family: Family,
): Step | undefined {
	if (CONTINUES.has(name)) return undefined;
	switch (`${name} ${revision}`) {
		case "DNAT 0":
		case "DNAT 1":
		case "DNAT 2":
			return dnat(revision, blob, family);
		case "REDIRECT 0":
			return redirect(blob, family);
		default:
			return { is: "unclear" };
	}
}

/**
 * The kernel's targets after which every sound packet goes on (XT_CONTINUE). Those that
 * only other tables than nat take are here too, because a later kernel may let nat have
 * them.
 */
const CONTINUES: ReadonlySet<string> = new Set([
	...["AUDIT", "CHECKSUM", "CLASSIFY", "CONNMARK", "CONNSECMARK", "CT"],
	...["DNPT", "DSCP", "ECN", "HL", "HMARK", "IDLETIMER", "LED", "LOG", "MARK"],
	...["NFLOG", "NOTRACK", "RATEEST", "SECMARK", "SET", "SNPT", "TCPMSS"],
	...["TCPOPTSTRIP", "TEE", "TOS", "TRACE", "TTL", "ULOG"],
]);

/** The bytes of struct xt_udp, xt_tcp and xt_sctp_info. */
const SIZES: Readonly<Record<string, number>> = { udp: 9, tcp: 12, sctp: 292 };

interface Ports {
	/** Destination ports, both ends included. */
	readonly min: number;
	readonly max: number;
	readonly isInverted: boolean;
	/** False if the match asks for more than the destination port. */
	readonly isAll: boolean;
}

/** Reads a match of one protocol. The rule around it has compared the protocol, or the kernel had refused it. */
function portsOf(name: string, blob: DataView): Ports {
	need(blob, SIZES[name] ?? 0, `match ${name}`);
	if (name === "sctp") return sctp(blob);
	// XT_UDP_INV_* and XT_TCP_INV_* agree; tcp has the option and the flags before them
	const inverted = blob.getUint8(name === "tcp" ? 11 : 8);
	const hasOthers =
		name === "tcp" &&
		(blob.getUint8(8) !== 0 ||
			blob.getUint8(9) !== 0 ||
			blob.getUint8(10) !== 0 ||
			(inverted & ~PORTS_INVERTED) !== 0);
	return {
		min: u16(blob, 4),
		max: u16(blob, 6),
		isInverted: (inverted & DPORTS_INVERTED) !== 0,
		isAll: !hasOthers && (inverted & 1) === 0 && isEveryPort(blob, 0),
	};
}

// XT_UDP_INV_DSTPT, and XT_UDP_INV_MASK
const DPORTS_INVERTED = 2;
const PORTS_INVERTED = 3;

// linux/netfilter/xt_sctp.h
const XT_SCTP_DEST_PORTS = 2;

/** Reads struct xt_sctp_info, which has the destination ports first and says what it asks for. */
function sctp(blob: DataView): Ports {
	const flags = u32(blob, 284);
	const asks = (flags & XT_SCTP_DEST_PORTS) !== 0;
	return {
		min: asks ? u16(blob, 0) : 0,
		max: asks ? u16(blob, 2) : 0xffff,
		isInverted: asks && (u32(blob, 288) & XT_SCTP_DEST_PORTS) !== 0,
		isAll: (flags & ~XT_SCTP_DEST_PORTS) === 0,
	};
}

function isEveryPort(blob: DataView, at: number): boolean {
	return u16(blob, at) === 0 && u16(blob, at + 2) === 0xffff;
}

function matchOfPorts({ min, max, isInverted, isAll }: Ports): Matches {
	const rest: MatchAnswer = isAll ? "yes" : "maybe";
	return ({ dport }) =>
		(dport >= min && dport <= max) === isInverted ? "no" : rest;
}

// linux/netfilter/xt_multiport.h: the flags SOURCE, DESTINATION and EITHER
const SOURCE = 0;
const DESTINATION = 1;
const EITHER = 2;
const XT_MULTI_PORTS = 15;

interface Multiport {
	readonly side: number;
	readonly ranges: readonly (readonly [min: number, max: number])[];
	readonly isInverted: boolean;
}

/** Reads struct xt_multiport; revision 1 has ranges and an inversion (xt_multiport_v1). */
function multiportOf(revision: number, blob: DataView): Multiport {
	need(blob, revision === 0 ? 32 : 48, "match multiport");
	const count = blob.getUint8(1);
	if (count > XT_MULTI_PORTS)
		throw new DecodeError(`match multiport of ${count} ports`);
	const ranges: [min: number, max: number][] = [];
	for (let i = 0; i < count; i++) {
		const min = u16(blob, 2 + 2 * i);
		if (revision === 1 && i + 1 < count && blob.getUint8(32 + i) !== 0) i++;
		ranges.push([min, u16(blob, 2 + 2 * i)]);
	}
	const isInverted = revision === 1 && blob.getUint8(47) !== 0;
	return { side: blob.getUint8(0), ranges, isInverted };
}

function multiport({ side, ranges, isInverted }: Multiport): Matches {
	if (side > EITHER) return maybe;
	return ({ dport }) => {
		const isHit =
			side !== SOURCE &&
			ranges.some(([min, max]) => dport >= min && dport <= max);
		// the source port may be one of them
		if (!isHit && side !== DESTINATION) return "maybe";
		return isHit === isInverted ? "no" : "yes";
	};
}

// linux/netfilter/xt_addrtype.h
const XT_ADDRTYPE_INVERT_SOURCE = 1;
const XT_ADDRTYPE_INVERT_DEST = 2;
const XT_ADDRTYPE_LIMIT_IFACE = 4 | 8;
const XT_ADDRTYPE_LOCAL = 4;
const XT_ADDRTYPE_ANYCAST = 16;
const XT_ADDRTYPE_UNREACHABLE = 128;

/** Reads struct xt_addrtype_info; revision 1 has flags in place of two inversions (xt_addrtype_info_v1). */
function addrtype(revision: number, blob: DataView, family: Family): Matches {
	need(blob, revision === 0 ? 12 : 8, "match addrtype");
	const source = u16(blob, 0);
	const dest = u16(blob, 2);
	const flags = u32(blob, 4);
	if (revision === 1 && (flags & XT_ADDRTYPE_LIMIT_IFACE) !== 0) return maybe;
	const invertsSource =
		revision === 0 ? flags !== 0 : (flags & XT_ADDRTYPE_INVERT_SOURCE) !== 0;
	const invertsDest =
		revision === 0
			? u32(blob, 8) !== 0
			: (flags & XT_ADDRTYPE_INVERT_DEST) !== 0;
	return (p) => {
		const one = (
			types: number,
			address: Uint8Array,
			isInverted: boolean,
		): MatchAnswer => {
			if (types === 0) return "yes";
			const answer = typeOf(types, p.isLocal(address), family);
			return isInverted ? not(answer) : answer;
		};
		return both(
			one(source, p.src, invertsSource),
			one(dest, p.dst, invertsDest),
		);
	};
}

/**
 * Answers whether an address is of one of these types. In IPv4 it has exactly one type
 * (match_type). In IPv6 the types of the address itself must all fit, and the types of
 * its route are alternatives (match_type6).
 */
function typeOf(types: number, isLocal: boolean, family: Family): MatchAnswer {
	if (types === XT_ADDRTYPE_LOCAL) return isLocal ? "yes" : "no";
	if (!isLocal) return "maybe";
	const asksLocal = (types & XT_ADDRTYPE_LOCAL) !== 0;
	if (family === AF_INET) return asksLocal ? "yes" : "no";
	const ofRoute =
		XT_ADDRTYPE_LOCAL | XT_ADDRTYPE_ANYCAST | XT_ADDRTYPE_UNREACHABLE;
	return asksLocal && (types & ~ofRoute) === 0 ? "yes" : "maybe";
}
