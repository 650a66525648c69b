// Which entries somebody who stands at the table means, by a hostPort, a pod and
// what narrows them. The same words mean the same entries to whoever lists them
// and to whoever removes them. Pure.

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

/** Where a scan has to look for what is selected. */
export function portsOf(s: Selection): DumpFilter[] {
	return s.protos.flatMap((proto) =>
		familiesOf(s).map((family) => ({
			family,
			proto,
			hostPort: s.hostPort ?? null,
		})),
	);
}

/** The families of which there can be entries. */
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

/** Whether the entry has all that is said; knows nothing of mappings. */
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
 * Whether the entry came to the hostPort that is said and leads to the pod that
 * is said; where neither is, all that agree are meant. A
 * hostPort without its hostIP is one of the node's own addresses, and what
 * merely passes by to the same port number elsewhere is none of it; nor are
 * un-NATed connections, which are those of the node's own listeners.
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
			// a hostPort that leads to no pod: whatever comes to it is meant
			podIP: "",
			containerPort: 0,
		};
		const node = { isLocal, isServed: () => false };
		return staleOnAdd(nowhere, e, node) !== undefined;
	});
}

/** The hostIP, as a mapping has it: null for any. */
function addressOf({ hostIP }: Selection): IP | null {
	return hostIP === undefined ? null : hostIPOf(hostIP);
}

/** Whether a hostPort or a pod is said, and not only what narrows. */
export function isSaid({ hostPort, podIP }: Selection): boolean {
	return hostPort !== undefined || podIP !== undefined;
}
