// The predicate: whether an entry keeps a hostPort's traffic from its pod. Pure. It
// never decides by the port alone, nor by the reply's destination (SNAT may have
// changed it), nor by the reply's destination port (NAT may have remapped it), nor
// by a missing reply (statsd never answers).

import { IPS_ASSURED, IPS_DST_NAT } from "../conntrack/constants.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { FlushFilter } from "../conntrack/messages.ts";
import { AF_INET, type IP } from "../net/ip.ts";
import { IPPROTO_SCTP, IPPROTO_TCP } from "../net/proto.ts";
import {
	type Attachment,
	byPort,
	isFrontend,
	leadsTo,
	type Mapping,
	type PodTarget,
} from "./mapping.ts";

/** Why an entry is stale. */
export type Reason =
	/** The pod that it leads to is being removed. */
	| "dead-pod"
	/** It was made while there was no rule, and bypasses the rule that there is now. */
	| "no-dnat"
	/** It leads to another pod, or to an address that no pod has. */
	| "other-pod"
	/** It leads to the right pod or endpoint, but to another port there. */
	| "other-port"
	/** It leads to an address that is no endpoint of the Service. */
	| "no-endpoint";

/** The facts about the node that the predicate needs beside the mapping. */
export interface Node {
	/** Returns true if the address is the node's own, as the DNAT rule's test for local addresses sees it. */
	isLocal(ip: IP): boolean;
	/** Returns true if the entry leads where a live mapping of that very address sends it. */
	isServed(e: Entry): boolean;
}

/**
 * Returns a test for entries that lead where one of the attachments has mapped their
 * very destination address, and not merely any address.
 */
export function servedBy(live: readonly Attachment[]): Node["isServed"] {
	const single = byPort(
		live.flatMap((a) => a.mappings.filter((m) => m.hostIP !== null)),
	);
	return (e) => single(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
}

/**
 * Judges an entry after the rules of `m` were made. Returns why it bypasses them, or
 * undefined if it stays. An entry that already leads to the pod stays, so that a
 * second ADD does no harm.
 */
export function staleOnAdd(
	m: Mapping,
	e: Entry,
	node: Node,
): Reason | undefined {
	if (!isFrontend(m, e)) return undefined;
	const toPod = e.reply.src === m.podIP;
	if (toPod && e.reply.sport === m.containerPort) return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (m.hostIP === null && !isOpen(e, node)) return undefined;
	if (toPod) return "other-port";
	return natted ? "other-pod" : "no-dnat";
}

/**
 * Judges an entry before or after the rules of `m` are removed: it is dead if it leads
 * to the dying pod through this mapping. This needs no knowledge of the node, because
 * a virtual address may have left the node already.
 */
export function deadOnDel(m: Mapping, e: Entry): Reason | undefined {
	return leadsTo(m, e) ? "dead-pod" : undefined;
}

/** Judges an entry by the pod alone, for runtimes that do not name the ports: it is dead if a DNAT rule led it there. */
export function deadOfPod(pod: PodTarget, e: Entry): Reason | undefined {
	return e.proto === pod.proto && e.reply.src === pod.podIP && isDNATed(e)
		? "dead-pod"
		: undefined;
}

/**
 * The condition of `deadOnDel` as a filter of the kernel. Returns undefined where the
 * kernel's filter cannot express it: for IPv6 addresses and for ports of SCTP.
 */
export function deadFilter(m: Mapping): FlushFilter | undefined {
	if (m.family !== AF_INET || m.proto === IPPROTO_SCTP) return undefined;
	return {
		proto: m.proto,
		origDport: m.hostPort,
		origDst: m.hostIP ?? undefined,
		replySrc: m.podIP,
		replySport: m.containerPort,
	};
}

/** Returns true if a mapping of any address may decide about this entry. */
function isOpen(e: Entry, node: Node): boolean {
	const { dst } = e.orig;
	// portmap cannot serve ::1, because IPv6 has no route_localnet; not ours to repair
	if (dst === "::1") return false;
	return node.isLocal(dst) && !node.isServed(e);
}

/** Returns true if an entry without NAT belongs to a listener of the node itself, such as sshd. */
export function isListeners({ proto, status }: Entry): boolean {
	return (
		proto === IPPROTO_TCP ||
		(proto === IPPROTO_SCTP && (status & IPS_ASSURED) !== 0)
	);
}

export function isDNATed(e: Entry): boolean {
	return (
		(e.status & IPS_DST_NAT) !== 0 ||
		e.reply.src !== e.orig.dst ||
		e.reply.sport !== e.orig.dport
	);
}
