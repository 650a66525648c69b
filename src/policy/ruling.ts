// What the nat rules say about an entry that the predicate calls stale. The predicate
// knows who has mapped what; only the rules know whose rule the kernel takes. Pure.

import {
	IPS_DST_NAT,
	IPS_EXPECTED,
	IPS_HELPER,
} from "../conntrack/constants.ts";
import type { Entry } from "../conntrack/entry.ts";
import { type IP, ipBytes } from "../net/ip.ts";
import { leadsThere } from "../rules/evaluate.ts";
import type { Outcome, Packet } from "../rules/model.ts";
import type { Mapping } from "./mapping.ts";
import { isDNATed } from "./stale.ts";

/** What the rules may do with the first packet of an entry's flow. */
export interface Prospect {
	readonly packet: Packet;
	readonly outcomes: readonly Outcome[];
}

/**
 * - "stale": the rules reach the mapping and cannot lead where the entry leads.
 * - "agrees": the rules may lead where the entry leads.
 * - "elsewhere": the rules cannot reach the mapping, so the frontend is not its own.
 * - "unknown": a rule does something that is not understood; the predicate decides alone.
 */
export type Ruling = "stale" | "agrees" | "elsewhere" | "unknown";

/** Returns the ruling on an entry that the predicate calls stale for these mappings. */
export function rulingOn(
	prospect: Prospect,
	{ reply }: Entry,
	mappings: readonly Mapping[],
): Ruling {
	if (prospect.outcomes.some(({ is }) => is === "unknown")) return "unknown";
	if (mayLeadTo(prospect, reply.src, reply.sport)) return "agrees";
	return mappings.some((m) => mayLeadTo(prospect, m.podIP, m.containerPort))
		? "stale"
		: "elsewhere";
}

/** Returns true if the rules may lead to this address and port. */
export function mayLeadTo(
	{ packet, outcomes }: Prospect,
	ip: IP,
	port: number,
): boolean {
	const address = ipBytes(ip);
	return outcomes.some((o) => leadsThere(o, packet, address, port));
}

/**
 * Returns the first packet of the entry's flow. `isLocal` answers as the kernel does.
 * `arrivesOn` is the interface that it arrives on, if it is known.
 */
export function firstPacketOf(
	{ family, proto, orig }: Entry,
	isLocal: (ip: Uint8Array) => boolean,
	arrivesOn: string | undefined,
): Packet {
	const src = ipBytes(orig.src);
	return {
		family,
		proto,
		src,
		dst: ipBytes(orig.dst),
		dport: orig.dport,
		isSentByNode: isLocal(src),
		arrivesOn,
		isLocal,
	};
}

/**
 * Returns true if something other than nat rules may have translated the entry: OVS or
 * act_ct in a zone of theirs, a helper, or IPVS, which sets no DST_NAT bit.
 */
export function isOfOthers(e: Entry): boolean {
	const { key, orig, reply } = e;
	return (
		(key.zone ?? orig.zone ?? reply.zone) !== undefined ||
		(e.status & (IPS_EXPECTED | IPS_HELPER)) !== 0 ||
		(isDNATed(e) && (e.status & IPS_DST_NAT) === 0)
	);
}
