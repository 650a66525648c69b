// The protocols that stand in the table beside those that portmap maps, for commands that
// show it whole. No verb needs them.

import { PROTOCOLS, type Proto, protocolName } from "./proto.ts";

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

/** Returns true for the number of a protocol that portmap maps. */
export function isMapped(proto: number): proto is Proto {
	return Object.values<number>(PROTOCOLS).includes(proto);
}

/** Answers as `protocolName`, and knows the names of the other protocols too. */
export function anyProtocolName(proto: number): string {
	const found = Object.entries(OTHER_PROTOCOLS).find(
		([, number]) => number === proto,
	);
	return found?.[0] ?? protocolName(proto);
}
