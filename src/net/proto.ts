// The transport protocols that portmap maps, by their numbers (linux/in.h), and the names
// of others that stand in the table beside them.

import { own } from "../lookup.ts";

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;
export const IPPROTO_SCTP = 132;
export type Proto =
	| typeof IPPROTO_TCP
	| typeof IPPROTO_UDP
	| typeof IPPROTO_SCTP;

/** The protocols by the names that configurations and people use. */
export const PROTOCOLS = {
	udp: IPPROTO_UDP,
	tcp: IPPROTO_TCP,
	sctp: IPPROTO_SCTP,
} as const;

/** Returns true for the number of a protocol that portmap maps. */
export function isMapped(proto: number): proto is Proto {
	return (
		proto === IPPROTO_UDP || proto === IPPROTO_TCP || proto === IPPROTO_SCTP
	);
}

/** Returns the number of a protocol that portmap maps, or undefined. The name may have any letter case. */
export function protocolOf(name: string): Proto | undefined {
	return own<Proto>(PROTOCOLS, name.toLowerCase());
}

/** Protocols that conntrack follows and portmap does not map (linux/in.h). */
export const OTHER_PROTOCOLS = {
	icmp: 1,
	dccp: 33,
	gre: 47,
	esp: 50,
	ah: 51,
	icmpv6: 58,
	udplite: 136,
} as const;

/** Returns the protocol's name, or its number if it has no name here. */
export function protocolName(proto: number): string {
	const names = { ...PROTOCOLS, ...OTHER_PROTOCOLS };
	const found = Object.entries(names).find(([, number]) => number === proto);
	return found?.[0] ?? String(proto);
}

/** Returns one number for a protocol and one of its ports, as a key for look-ups. */
export function portKey(proto: number, port: number): number {
	return proto * 65536 + port;
}

/** Returns true for the number of a port. */
export function isPort(value: unknown): value is number {
	return (
		typeof value === "number" &&
		Number.isInteger(value) &&
		value >= 1 &&
		value <= 65535
	);
}
