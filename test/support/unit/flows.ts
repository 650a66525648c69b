// Helpers for the tables of the predicate: a mapping, and flows in the letters of the book.

import type { Entry } from "../../../src/conntrack/entry.ts";
import { AF_INET, AF_INET6 } from "../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../src/net/proto.ts";
import type { Mapping } from "../../../src/policy/mapping.ts";
import { BOOKS, type FamilyName, type Letter, spell } from "../book.ts";
import { entry, type StatusBit } from "../entries.ts";

export const FAMILIES = ["IPv4", "IPv6"] as const;
export const PROTOS = ["udp", "tcp", "sctp"] as const;
export type ProtoName = (typeof PROTOS)[number];

const NUMBERS = {
	udp: IPPROTO_UDP,
	tcp: IPPROTO_TCP,
	sctp: IPPROTO_SCTP,
} as const;

/** Returns hostPort 8125 of any address of the node, or of one, to port 5353 of pod P. */
export function mapping(
	family: FamilyName,
	proto: ProtoName,
	hostIP?: Letter,
): Mapping {
	return {
		family: family === "IPv4" ? AF_INET : AF_INET6,
		proto: NUMBERS[proto],
		hostPort: 8125,
		hostIP: hostIP === undefined ? null : BOOKS[family][hostIP],
		podIP: BOOKS[family].P,
		containerPort: 5353,
	};
}

export interface Flow {
	readonly orig: string;
	/** The reply tuple; by default the inverse of the original one. */
	readonly reply?: string;
	readonly status?: readonly StatusBit[];
	/** The protocol, if it is not the mapping's. */
	readonly proto?: string | number;
}

/** A row of a table of flows. */
export interface FamilyRow {
	readonly name: string;
	readonly flow: Flow;
	/** The mapping's hostIP; by default any. */
	readonly hostIP?: Letter;
	/** The only family that has such a flow. */
	readonly only?: FamilyName;
}

export function flowEntry(
	family: FamilyName,
	proto: ProtoName,
	flow: Flow,
): Entry {
	return entry({
		proto: flow.proto ?? proto,
		orig: spell(family, flow.orig),
		...(flow.reply && { reply: spell(family, flow.reply) }),
		...(flow.status && { status: flow.status }),
	});
}

export const DNAT = ["DST_NAT"] as const;
export const BOTH_NAT = ["DST_NAT", "SRC_NAT"] as const;
export const REPLIED = ["SEEN_REPLY", "ASSURED"] as const;
