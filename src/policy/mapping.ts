// Who has mapped what: an attachment, its port mappings, and how to look them up.
// Pure. Whether an entry contradicts a mapping is decided in stale.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { Family, IP } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
import type { Proto } from "../net/proto.ts";

/** A network's interface in a container, as the CNI specification defines an attachment. */
export interface AttachmentID {
	readonly network: string;
	readonly containerID: string;
	readonly ifname: string;
}

/** Everything that reaches one pod in one family and protocol, by whatever rule. */
export interface PodTarget {
	readonly family: Family;
	readonly proto: Proto;
	readonly podIP: IP;
}

/** HostPorts in a row of one pod in one family: the first leads to containerPort, the next to the next. */
export interface PortRow extends PodTarget {
	readonly hostPort: number;
	/** null: any address of the node. */
	readonly hostIP: IP | null;
	readonly containerPort: number;
	/** The number of ports if there are more than one. */
	readonly count?: number;
}

/** One hostPort of one pod in one family. portmap makes one DNAT rule of it. */
export interface Mapping extends PortRow {
	readonly count?: never;
}

/** The ways that lead to a pod. */
export interface PodTargets {
	readonly mappings: readonly PortRow[];
	/** The pod's traffic as a whole, for runtimes that do not name the ports (`"scope": "pod"`). */
	readonly podTargets: readonly PodTarget[];
}

export interface Attachment extends AttachmentID, PodTargets {
	/** `namespace/name`, if the runtime named the pod. */
	readonly pod: string | undefined;
	/** When ADD recorded it, in ms of the monotonic clock: the wall clock may jump, and no record outlives a boot. */
	readonly added: number;
	/** Its DEL has come but could not remove every entry. The next pass that can does it. */
	readonly unfinished?: boolean;
	/**
	 * When a plugin item with "on": "add" saw its DEL, in ms of the monotonic clock: the
	 * attachment is unfinished until the item with "on": "del" has its turn.
	 */
	readonly deferredAt?: number;
	/** The path of its network namespace, if the runtime named one and it is known. */
	readonly netns?: string;
	/** Its ports are not known: its record cannot be read, or they are too many for one. It may own what leads to a pod. */
	readonly vague?: boolean;
}

/** Much longer than what a chain of plugins takes from one plugin item to another. */
const DEFERRED_MS = 60_000;

/** Returns true if its DEL was left to another plugin item, whose turn may still come. */
export function isDeferred({ deferredAt }: Attachment, now: number): boolean {
	if (deferredAt === undefined) return false;
	// a clock that shows less than the record started again with a boot
	return now >= deferredAt && now - deferredAt < DEFERRED_MS;
}

export function isSame(a: AttachmentID, b: AttachmentID): boolean {
	return (
		a.network === b.network &&
		a.containerID === b.containerID &&
		a.ifname === b.ifname
	);
}

/** Returns what is the same of the same attachments, for sets. */
export function attachmentKey(id: AttachmentID): string {
	return `${id.network}\n${id.containerID}\n${id.ifname}`;
}

/** Returns true if an attachment of `others` has this address. */
export function isAssigned(others: readonly Attachment[], podIP: IP): boolean {
	return others.some((a) => addressesOf(a).includes(podIP));
}

/** The pod's addresses. */
export function addressesOf({ mappings, podTargets }: PodTargets): IP[] {
	const ips = new Set<IP>();
	for (const { podIP } of mappings) ips.add(podIP);
	for (const { podIP } of podTargets) ips.add(podIP);
	return [...ips];
}

/**
 * Returns a test for entries that lead to an attachment whose ports are not known, or may
 * do so: such a one without an address may have any.
 */
export function mayBeOwned(live: readonly Attachment[]): (e: Entry) => boolean {
	const vague = live.filter((a) => a.vague).map(addressesOf);
	const known = new Set(vague.flat());
	const isAny = vague.some((ips) => ips.length === 0);
	return (e) => isAny || known.has(e.reply.src);
}

/** Returns true if the entry came through this mapping and leads to its pod. */
export function leadsTo(m: Mapping, e: Entry): boolean {
	return (
		isFrontend(m, e) &&
		e.reply.src === m.podIP &&
		e.reply.sport === m.containerPort
	);
}

/** Returns true if the entry came to the address and port that the mapping claims. */
export function isFrontend(m: Mapping, e: Entry): boolean {
	return (
		e.proto === m.proto &&
		e.family === m.family &&
		e.orig.dport === m.hostPort &&
		(m.hostIP === null || e.orig.dst === m.hostIP)
	);
}

/** Indexes mappings by hostPort, so that judging an entry costs the same for one mapping and for thousands. */
export function byPort(
	mappings: readonly PortRow[],
): (proto: number, hostPort: number) => readonly Mapping[] {
	const index = new PortIndex<Mapping>();
	for (const m of mappings) addTo(index, m, (mapping) => mapping);
	return (proto, hostPort) => index.get(proto, hostPort);
}

/** Adds what `item` makes of each mapping in the row to the index. */
export function addTo<T>(
	index: PortIndex<T>,
	row: PortRow,
	item: (m: Mapping) => T,
): void {
	const { proto, hostPort } = row;
	if (isSingle(row)) index.add(proto, hostPort, item(row));
	else
		index.addRow(proto, hostPort, row.count ?? 1, (port) =>
			item(mappingAt(row, port)),
		);
}

export function isSingle(row: PortRow): row is Mapping {
	return row.count === undefined;
}

/** Returns true if both lead from the same address of the node to the same pod. Their hostPort and protocol are the same. */
export function isSameMapping(a: Mapping, b: Mapping): boolean {
	return a.podIP === b.podIP && a.hostIP === b.hostIP;
}

/** Returns the mapping of one hostPort in the row. */
export function mappingAt(row: PortRow, hostPort: number): Mapping {
	if (isSingle(row)) return row;
	const { count: _, ...rest } = row;
	const containerPort = row.containerPort + hostPort - row.hostPort;
	return { ...rest, hostPort, containerPort };
}

/** The first verdict that is not undefined. */
export function first<T, R>(
	items: readonly T[],
	verdict: (item: T) => R | undefined,
): R | undefined {
	for (const item of items) {
		const found = verdict(item);
		if (found !== undefined) return found;
	}
	return undefined;
}
