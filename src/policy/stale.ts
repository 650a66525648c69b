// The predicate: whether an entry keeps a hostPort's traffic from where it
// belongs. Pure. It never decides by the port alone, by the reply's destination
// (may be SNATed), by the reply's destination port (may be remapped), or by the
// lack of a reply (statsd never gets one).

import { IPS_ASSURED, IPS_DST_NAT } from "../conntrack/constants.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { FlushFilter } from "../conntrack/messages.ts";
import { AF_INET, type Family, type IP } from "../net/ip.ts";
import { IPPROTO_SCTP, IPPROTO_TCP, type Proto } from "../net/proto.ts";

/** What comes to a pod in one family and protocol, by whatever rule. */
export interface PodTraffic {
	readonly family: Family;
	readonly proto: Proto;
	readonly podIP: IP;
}

/** One hostPort of one pod, in one family: what portmap makes one DNAT rule of. */
export interface Mapping extends PodTraffic {
	readonly hostPort: number;
	/** null: any address of the node. */
	readonly hostIP: IP | null;
	readonly containerPort: number;
}

/** Why an entry has to go. */
export type Reason =
	/** The pod that it leads to is being removed. */
	| "dead-pod"
	/** It was made while no rule was there, and bypasses the rule. */
	| "no-dnat"
	/** It leads to another pod, or to an address that no pod has. */
	| "other-pod"
	/** It leads to this pod, but not to the mapping's port; to an endpoint, but not to its port. */
	| "other-port"
	/** It leads to what is no endpoint of the Service. */
	| "no-endpoint";

/** What the predicate has to know of the node besides the mapping. */
export interface Node {
	/** Whether the address is the node's own, as the DNAT rule understands it. */
	isLocal(ip: IP): boolean;
	/** Whether the entry leads where a live mapping of that very address sends it. */
	isServed(e: Entry): boolean;
}

/** Whether the entry came through this mapping and leads to its pod. */
export function leadsTo(m: Mapping, e: Entry): boolean {
	return (
		sameFrontend(m, e) &&
		e.reply.src === m.podIP &&
		e.reply.sport === m.containerPort
	);
}

/**
 * After the rules of `m` were made: why this entry bypasses them, or undefined
 * if it is to stay. Entries that already lead to the pod stay, so that a second
 * ADD does no harm.
 */
export function staleOnAdd(
	m: Mapping,
	e: Entry,
	node: Node,
): Reason | undefined {
	if (!sameFrontend(m, e)) return undefined;
	const toPod = e.reply.src === m.podIP;
	if (toPod && e.reply.sport === m.containerPort) return undefined;
	const natted = isDNATed(e);
	if (!natted && isListeners(e)) return undefined;
	if (m.hostIP === null && !isOpen(e, node)) return undefined;
	if (toPod) return "other-port";
	return natted ? "other-pod" : "no-dnat";
}

/**
 * Before or after the rules of `m` go: whether this entry leads to the pod that
 * is being removed, through this mapping. Needs no knowledge of the node: a
 * virtual address may already have left it.
 */
export function deadOnDel(m: Mapping, e: Entry): Reason | undefined {
	return leadsTo(m, e) ? "dead-pod" : undefined;
}

/** Whether this entry leads to the pod through any DNAT rule: for runtimes that do not say which ports they map. */
export function deadOfPod(pod: PodTraffic, e: Entry): Reason | undefined {
	return e.proto === pod.proto && e.reply.src === pod.podIP && isDNATed(e)
		? "dead-pod"
		: undefined;
}

/**
 * The same condition as `deadOnDel`, said to the kernel; undefined where its
 * filter cannot say it: IPv6 addresses and the ports of SCTP.
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

function sameFrontend(m: Mapping, e: Entry): boolean {
	return (
		e.proto === m.proto &&
		e.family === m.family &&
		e.orig.dport === m.hostPort &&
		(m.hostIP === null || e.orig.dst === m.hostIP)
	);
}

/** Whether a mapping of any address has a say in this entry. */
function isOpen(e: Entry, node: Node): boolean {
	const { dst } = e.orig;
	// portmap cannot serve ::1 (no route_localnet for IPv6): not ours to repair
	if (dst === "::1") return false;
	return node.isLocal(dst) && !node.isServed(e);
}

/** Of an entry without NAT: whether it belongs to a listener of the host itself, such as sshd. */
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
