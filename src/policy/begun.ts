// Entries that a pod began from its hostPort and that outlived it, seen from the pod that
// has the port now: they take what peers send to it. That an address has left the node
// does not prove that nobody has it, so others say who holds which address. Pure.

import type { Entry } from "../conntrack/entry.ts";
import type { IP } from "../net/ip.ts";
import { byPort, type Mapping, type PortRow } from "./mapping.ts";
import { begunByPod } from "./stale.ts";

/**
 * Returns a function that finds the mapping whose frontend such an entry takes. `departed`
 * holds the addresses that have left the node, `holds` returns true for one that somebody
 * has, and `isLocal` for one of the node's own.
 */
export function begunByDeparted(
	mappings: readonly PortRow[],
	departed: ReadonlyMap<IP, unknown>,
	holds: (ip: IP) => boolean,
	isLocal: (ip: IP) => boolean,
): (e: Entry) => Mapping | undefined {
	const mappingsOf = byPort(mappings);
	return (e) => {
		const { src } = e.orig;
		// most entries end here
		if (!departed.has(src) || holds(src) || isLocal(src)) return undefined;
		return mappingsOf(e.proto, e.reply.dport).find(
			(m) =>
				m.family === e.family &&
				begunByPod({ ...m, podIP: src }, e) !== undefined &&
				(m.hostIP !== null || isLocal(e.reply.dst)),
		);
	};
}
