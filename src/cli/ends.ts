// How the ends of an entry are written, whatever its protocol has beside its addresses:
// ports, the keys of GRE, the parts of ICMP, or nothing.

import type { Detail, ICMP } from "../conntrack/detail.ts";
import type { Entry, Tuple } from "../conntrack/entry.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import type { IP } from "../net/ip.ts";
import { OTHER_PROTOCOLS } from "../net/otherprotos.ts";
import { PROTOCOLS } from "../net/proto.ts";

const { dccp, gre, udplite } = OTHER_PROTOCOLS;
const WITH_PORTS: readonly number[] = [
	...Object.values(PROTOCOLS),
	dccp,
	udplite,
];

/** The requests that conntrack follows, by their types in ICMP (RFC 792) and ICMPv6 (RFC 4443). */
const REQUESTS: Readonly<Record<number, string>> = {
	8: "echo request",
	13: "timestamp request",
	128: "echo request",
};

/** Returns who began the entry. */
export function fromInWords({ proto, orig }: Entry): string {
	return endInWords(proto, orig.src, orig.sport);
}

/** Returns where the entry came to: `203.0.113.1:53`, `203.0.113.1 echo request id 77`. */
export function toInWords({
	proto,
	orig,
	icmp,
}: Entry & Partial<Detail>): string {
	return icmp
		? `${orig.dst} ${icmpInWords(icmp)}`
		: endInWords(proto, orig.dst, orig.dport);
}

/** Returns whom the entry leads to. */
export function leadsToInWords({ proto, reply }: Entry): string {
	return endInWords(proto, reply.src, reply.sport);
}

/** Returns where the answers go, if that is not where the entry began: its source is translated. */
export function answeredInWords({
	proto,
	orig,
	reply,
}: Entry): string | undefined {
	return reply.dst === orig.src && reply.dport === orig.sport
		? undefined
		: endInWords(proto, reply.dst, reply.dport);
}

/** One direction of an entry in the form that programs read. Only protocols with ports have these, and GRE has keys. */
export interface ListedTuple {
	readonly src: IP;
	readonly sport?: number;
	readonly srcKey?: number;
	readonly dst: IP;
	readonly dport?: number;
	readonly dstKey?: number;
}

/** Returns one direction of an entry in the form that programs read. */
export function tupleAsData(
	proto: number,
	{ src, sport, dst, dport }: Tuple,
): ListedTuple {
	if (proto === gre) return { src, srcKey: sport, dst, dstKey: dport };
	return WITH_PORTS.includes(proto) ? { src, sport, dst, dport } : { src, dst };
}

/** Returns an address with what the protocol has beside it. */
export function endInWords(proto: number, ip: IP, port: number): string {
	// only PPTP's GRE has keys in conntrack; others have 0
	if (proto === gre && port > 0) return `${ip} key 0x${port.toString(16)}`;
	return WITH_PORTS.includes(proto) ? formatEndpoint(ip, port) : ip;
}

function icmpInWords({ type, code, id }: ICMP): string {
	return `${REQUESTS[type] ?? `type ${type} code ${code}`} id ${id}`;
}
