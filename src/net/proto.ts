// The transport protocols that portmap maps, by their numbers (linux/in.h).

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

/** Returns the number of a protocol that portmap maps, or undefined. The name may have any letter case. */
export function protocolOf(name: string): Proto | undefined {
	return own<Proto>(PROTOCOLS, name.toLowerCase());
}

/** Returns the protocol's name, or its number if it has no name here. */
export function protocolName(proto: number): string {
	const found = Object.entries(PROTOCOLS).find(
		([, number]) => number === proto,
	);
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
