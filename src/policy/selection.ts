// The entries that a person means who names a hostPort, a pod and options that narrow
// them. The same words mean the same entries for a list and for a removal. Pure.

import { zoneOf } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	familyOf,
	hostIPOf,
	type IP,
} from "../net/ip.ts";
import type { Proto } from "../net/proto.ts";
import type { Mapping } from "./mapping.ts";
import { deadOfPod, staleOnAdd } from "./stale.ts";

export interface Selection {
	readonly protos: readonly Proto[];
	readonly hostPort: number | undefined;
	readonly hostIP: IP | undefined;
	readonly podIP: IP | undefined;
	readonly family: Family | undefined;
	readonly zone: number | undefined;
}

/** Returns the ports that a scan has to look at. */
export function portsOf(s: Selection): DumpFilter[] {
	return s.protos.flatMap((proto) =>
		familiesOf(s).map((family) => ({
			family,
			proto,
			hostPort: s.hostPort ?? null,
		})),
	);
}

/** Returns the families that selected entries can have. */
export function familiesOf({ hostIP, podIP, family }: Selection): Family[] {
	const wanted = [
		family,
		hostIP && familyOf(hostIP),
		podIP && familyOf(podIP),
	].filter((f) => typeof f === "number");
	return [AF_INET, AF_INET6].filter((f): f is Family =>
		wanted.every((w) => w === f),
	);
}

/** Returns true if the entry agrees in everything that is given. It considers no mappings. */
export function agrees(s: Selection, e: Entry): boolean {
	return (
		s.protos.some((proto) => proto === e.proto) &&
		(s.hostPort ?? e.orig.dport) === e.orig.dport &&
		(addressOf(s) ?? e.orig.dst) === e.orig.dst &&
		(s.podIP ?? e.reply.src) === e.reply.src &&
		familiesOf(s).includes(e.family) &&
		(s.zone ?? zoneOf(e.key)) === zoneOf(e.key)
	);
}

/**
 * Returns true if the entry came to the given hostPort and leads to the given pod. If
 * neither is given, every entry that agrees is meant. A hostPort without a hostIP is
 * one of the node's own addresses: an entry that only passes by to the same port number
 * elsewhere is not meant, and neither is a connection without NAT, which belongs to a
 * listener of the node.
 */
export function isMeant(
	s: Selection,
	e: Entry,
	isLocal: (ip: IP) => boolean,
): boolean {
	if (!agrees(s, e)) return false;
	if (!isSaid(s)) return true;
	const { family } = e;
	return s.protos.some((proto) => {
		if (s.podIP !== undefined)
			return deadOfPod({ family, proto, podIP: s.podIP }, e) !== undefined;
		const nowhere: Mapping = {
			family,
			proto,
			hostPort: s.hostPort ?? e.orig.dport,
			hostIP: addressOf(s),
			// a hostPort that leads to no pod, so that every entry to it is meant
			podIP: "",
			containerPort: 0,
		};
		return staleOnAdd(nowhere, e, isLocal) !== undefined;
	});
}

/** Returns true if the side that the entry's replies come to agrees in everything that is given. It is the side of entries that a pod began. */
export function agreesByReply(s: Selection, e: Entry): boolean {
	return (
		s.protos.some((proto) => proto === e.proto) &&
		(s.hostPort ?? e.reply.dport) === e.reply.dport &&
		(addressOf(s) ?? e.reply.dst) === e.reply.dst &&
		(s.podIP ?? e.orig.src) === e.orig.src &&
		familiesOf(s).includes(e.family) &&
		(s.zone ?? zoneOf(e.key)) === zoneOf(e.key)
	);
}

/** Returns the hostIP as a mapping has it: null for any. */
function addressOf({ hostIP }: Selection): IP | null {
	return hostIP === undefined ? null : hostIPOf(hostIP);
}

/** Returns true if a hostPort or a pod is given, and not only options that narrow them. */
export function isSaid({ hostPort, podIP }: Selection): boolean {
	return hostPort !== undefined || podIP !== undefined;
}

/** Returns true if everything of the protocols is selected, whatever the entry. */
export function leavesNothingOut({ protos: _, ...rest }: Selection): boolean {
	return Object.values<unknown>(rest).every(
		(given) =>
			given === undefined || (Array.isArray(given) && given.length === 0),
	);
}
