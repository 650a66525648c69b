// The predicate: whether an entry keeps a hostPort's traffic from its pod. Pure. It
// never decides by the port alone, nor by a missing reply (statsd never answers), nor,
// for an entry that came to the hostPort, by the reply's destination (SNAT may have
// changed it) or destination port (NAT may have remapped it).

import {
	IPS_ASSURED,
	IPS_DST_NAT,
	IPS_FIXED_TIMEOUT,
} from "../conntrack/constants.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { SourceFilter, TargetFilter } from "../conntrack/messages.ts";
import { AF_INET, type IP } from "../net/ip.ts";
import { IPPROTO_SCTP, IPPROTO_TCP } from "../net/proto.ts";
import {
	type Attachment,
	byPort,
	isFrontend,
	leadsTo,
	type Mapping,
	mayBeOwned,
	type PodTarget,
} from "./mapping.ts";

/** Why an entry is stale. */
export type Reason =
	/** The pod that it leads to is being removed. */
	| "dead-pod"
	/** The pod that began it from its hostPort is being removed, and replies to that port still go there. */
	| "begun-by-pod"
	/** It leads to the right pod, but a DEL has retired it: it will end whatever is sent. */
	| "retired"
	/** It was made while there was no rule, and bypasses the rule that there is now. */
	| "no-dnat"
	/** It leads to another pod, or to an address that no pod has. */
	| "other-pod"
	/** It leads to the right pod or endpoint, but to another port there. */
	| "other-port"
	/** It leads to an address that is no endpoint of the Service. */
	| "no-endpoint";

/**
 * Returns a test for entries that lead where one of the attachments has mapped their
 * very destination address, and not merely any address, or may have done so.
 */
export function servedBy(live: readonly Attachment[]): (e: Entry) => boolean {
	const single = byPort(
		live.flatMap((a) => a.mappings.filter((m) => m.hostIP !== null)),
	);
	const isOwned = mayBeOwned(live);
	return (e) =>
		single(e.proto, e.orig.dport).some((m) => leadsTo(m, e)) ||
		(isOwned(e) && isDNATed(e));
}

/**
 * Judges an entry after the rules of `m` were made. Returns why it bypasses them, or
 * undefined if it stays. An entry that already leads to the pod stays, so that a
 * second ADD does no harm. `isLocal` returns true for the node's own addresses, as the
 * DNAT rule's test for local addresses sees them.
 */
export function staleOnAdd(
	m: Mapping,
	e: Entry,
	isLocal: (ip: IP) => boolean,
): Reason | undefined {
	if (!isFrontend(m, e)) return undefined;
	const toPod = e.reply.src === m.podIP;
	if (toPod && e.reply.sport === m.containerPort) return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (m.hostIP === null && !isOpen(e, isLocal)) return undefined;
	if (toPod) return "other-port";
	return natted ? "other-pod" : "no-dnat";
}

/**
 * Judges an entry that leads to the pod of `m`, which is just being added. If it is
 * retired, the DEL of an earlier pod with the same address did it, and the entry would
 * end under the new pod, which would then see its clients come from other ports. The
 * next packet makes a lasting one. This is for ADD alone: while a DEL is under way, its
 * own retired entries have to stay, because the rule would make a deleted one again.
 */
export function retiredOnAdd(m: Mapping, e: Entry): Reason | undefined {
	return (e.status & IPS_FIXED_TIMEOUT) !== 0 && leadsTo(m, e)
		? "retired"
		: undefined;
}

/**
 * Judges an entry before or after the rules of `m` are removed: it is dead if it leads
 * to the dying pod through this mapping. This needs no knowledge of the node, because
 * a virtual address may have left the node already.
 */
export function deadOnDel(m: Mapping, e: Entry): Reason | undefined {
	return leadsTo(m, e) ? "dead-pod" : undefined;
}

/**
 * Judges an entry that the pod of `m` began itself, from its hostPort as the peer sees
 * it: masquerade keeps the source port (nf_nat_masquerade_ipv4). Its replies come to
 * the frontend of `m`, so it catches what the peer sends there even after the pod has
 * gone. The pod must be going: a flow of a live pod stays, because nothing else has a
 * claim on its packets. That it is going also makes a test of `reply.dst` against the
 * node's addresses needless, as every flow of such a pod may end.
 *
 * An ADD judges so of the pods that are recorded as dead, if libcni's cache proves that
 * nobody has the address: a pod without hostPorts has no record (begun.ts).
 */
export function begunByPod(m: Mapping, e: Entry): Reason | undefined {
	return e.proto === m.proto &&
		e.orig.src === m.podIP &&
		e.reply.dport === m.hostPort &&
		e.reply.dst !== m.podIP &&
		(m.hostIP === null || e.reply.dst === m.hostIP)
		? "begun-by-pod"
		: undefined;
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
export function deadFilter(m: Mapping): TargetFilter | undefined {
	if (m.family !== AF_INET || m.proto === IPPROTO_SCTP) return undefined;
	return {
		proto: m.proto,
		origDport: m.hostPort,
		origDst: m.hostIP ?? undefined,
		replySrc: m.podIP,
		replySport: m.containerPort,
	};
}

/**
 * The condition of `begunByPod` as a filter of the kernel, or undefined as for
 * `deadFilter`. It cannot express that the source was translated, so it is true as well
 * for what the pod sent from a port of that number to others of its network. Those
 * flows are the going pod's too, and nobody misses them.
 */
export function begunFilter(m: Mapping): SourceFilter | undefined {
	if (m.family !== AF_INET || m.proto === IPPROTO_SCTP) return undefined;
	return {
		proto: m.proto,
		origSrc: m.podIP,
		replyDst: m.hostIP ?? undefined,
		replyDport: m.hostPort,
	};
}

/** Returns true if a mapping of any address may decide about this entry. */
function isOpen(
	{ orig: { dst } }: Entry,
	isLocal: (ip: IP) => boolean,
): boolean {
	// portmap cannot serve ::1, because IPv6 has no route_localnet; not ours to repair
	if (dst === "::1") return false;
	return isLocal(dst);
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
