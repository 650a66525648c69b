// The entries that a person means who names a hostPort, a client, a destination, a pod and
// options that narrow them. The same words mean the same entries for a list and for a
// removal. Pure.

import { IPS_SRC_NAT } from "../conntrack/constants.ts";
import { isInZone } from "../conntrack/detail.ts";
import type { Entry, Tuple } from "../conntrack/entry.ts";
import type { DumpFilter, PortFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	familyOf,
	hostIPOf,
	type IP,
	ipBytes,
} from "../net/ip.ts";
import type { Proto } from "../net/proto.ts";
import {
	isAt,
	isIn,
	isNarrowing,
	type PortSpan,
	type Region,
} from "../net/region.ts";
import type { Mapping } from "./mapping.ts";
import { isDNATed, isListeners, staleOnAdd } from "./stale.ts";

/** An entry has to agree in all that is given. */
export interface Selection {
	readonly protos: readonly Proto[];
	/** Ports of the node, one of which an entry came to; none stands for all. */
	readonly hostPorts: readonly PortSpan[];
	readonly hostIP: IP | undefined;
	/** Where an entry came from. */
	readonly from: Region | undefined;
	/** Where it was sent to, before any NAT. */
	readonly to: Region | undefined;
	/** Where a rule has sent it. */
	readonly leadsTo: Region | undefined;
	/** Where its replies are sent: the client, or the address that stands for it after SNAT. */
	readonly answeredAt: Region | undefined;
	/** The addresses of a pod that a rule has sent it to. */
	readonly podIPs: readonly IP[] | undefined;
	readonly family: Family | undefined;
	readonly zone: number | undefined;
}

/** Returns the ports that a scan has to look at. */
export function portsOf(s: Selection): PortFilter[] {
	return sortsOf(s).flatMap((sort) =>
		spansOf(s).map((span) => {
			if (span === undefined) return { ...sort, hostPort: null };
			const count = span.last - span.first + 1;
			return { ...sort, hostPort: span.first, ...(count > 1 && { count }) };
		}),
	);
}

/** Returns the same for what asks for one port or else for all ports. */
export function dumpsOf(s: Selection): DumpFilter[] {
	const [span, ...more] = spansOf(s);
	const isOne = span && span.first === span.last && more.length === 0;
	const hostPort = isOne ? span.first : null;
	return sortsOf(s).map((sort) => ({ ...sort, hostPort }));
}

/** Returns the original destination ports of the selected entries; undefined stands for all. */
function spansOf({
	hostPorts,
	to,
}: Selection): readonly (PortSpan | undefined)[] {
	return hostPorts.length > 0 ? hostPorts : [to?.ports];
}

function sortsOf(s: Selection): Pick<DumpFilter, "family" | "proto">[] {
	const families = familiesOf(s);
	return s.protos.flatMap((proto) =>
		families.map((family) => ({ family, proto })),
	);
}

/** Returns what passes over most entries that are not selected; undefined if no address of them is given. */
export function prefilterOf(s: Selection): Prefilter | undefined {
	const source = s.leadsTo?.net ?? s.from?.net;
	if (s.podIPs)
		return prefilterFor(
			"sources",
			s.podIPs.map((ip) => ({ bytes: ipBytes(ip) })),
		);
	if (source) return prefilterFor("sources", [source]);
	return s.to?.net && prefilterFor("orig.dst", [s.to.net]);
}

function prefilterFor(
	at: Prefilter["looksAt"],
	nets: readonly { readonly bytes: Uint8Array; readonly bits?: number }[],
): Prefilter {
	const prefilter = new Prefilter(at);
	for (const { bytes, bits } of nets) prefilter.add(bytes, bits);
	return prefilter;
}

/** Returns the families that selected entries can have. */
export function familiesOf(s: Selection): Family[] {
	const { hostIP, podIPs, family } = s;
	const wanted = [
		family,
		hostIP && familyOf(hostIP),
		...[s.from, s.to, s.leadsTo, s.answeredAt].map((p) => p?.net?.family),
	].filter((f) => typeof f === "number");
	return [AF_INET, AF_INET6].filter(
		(f): f is Family =>
			wanted.every((w) => w === f) &&
			(podIPs?.some((ip) => familyOf(ip) === f) ?? true),
	);
}

/** Returns true if the entry agrees in everything that is given. It considers no mappings. */
export function agrees(s: Selection, e: Entry): boolean {
	return s.protos.some((proto) => proto === e.proto) && agreesBeside(s, e);
}

/** Returns true if the entry agrees in everything that is given but the protocol. */
export function agreesBeside(s: Selection, e: Entry): boolean {
	return agreesIn(s, e, e.orig, e.reply);
}

/** Returns true if the side that the entry's replies come to agrees in everything that is given. It is the side of entries that a pod began. */
export function agreesByReply(s: Selection, e: Entry): boolean {
	return (
		s.protos.some((proto) => proto === e.proto) &&
		agreesIn(s, e, e.reply, e.orig)
	);
}

/** Compares the entry as if `there` were its original tuple, and `back` that of its replies. */
function agreesIn(s: Selection, e: Entry, there: Tuple, back: Tuple): boolean {
	return (
		(s.hostPorts.length === 0 ||
			s.hostPorts.some((span) => isIn(span, there.dport))) &&
		(addressOf(s) ?? there.dst) === there.dst &&
		isAt(s.from, there.src, there.sport) &&
		isAt(s.to, there.dst, there.dport) &&
		isAt(s.leadsTo, back.src, back.sport) &&
		isAt(s.answeredAt, back.dst, back.dport) &&
		(s.podIPs?.includes(back.src) ?? true) &&
		// the family of any other address is compared with it
		(s.family ?? e.family) === e.family &&
		(s.hostIP === undefined || familyOf(s.hostIP) === e.family) &&
		(s.zone === undefined || isInZone(e, s.zone))
	);
}

/**
 * Returns true if the entry agrees and is one of those that a removal may take. A
 * hostPort without a hostIP is one of the node's own addresses: an entry that only passes
 * by to the same port number elsewhere is not meant. A pod and `leadsTo` mean what a rule
 * has sent there. A connection without NAT is never meant, because it belongs to a
 * listener of the node. Without a condition every entry that agrees is meant.
 */
export function isMeant(
	s: Selection,
	e: Entry,
	isLocal: (ip: IP) => boolean,
): boolean {
	if (!agrees(s, e)) return false;
	if (!isSaid(s)) return true;
	if (isNodesOwn(e)) return false;
	if (!isDNATed(e) && (s.leadsTo || s.podIPs)) return false;
	if (s.hostPorts.length === 0) return true;
	const proto = s.protos.find((p) => p === e.proto);
	if (proto === undefined) return false;
	const nowhere: Mapping = {
		family: e.family,
		proto,
		hostPort: e.orig.dport,
		hostIP: addressOf(s),
		// a hostPort that leads to no pod, so that every entry to it is meant
		podIP: "",
		containerPort: 0,
	};
	return staleOnAdd(nowhere, e, isLocal) !== undefined;
}

/** Returns true for a connection without NAT, which may be one of a listener of the node, such as sshd. Nobody may remove it by name. */
export function isNodesOwn(e: Entry): boolean {
	return !isDNATed(e) && isListeners(e) && !isSNATed(e);
}

function isSNATed({ status, orig, reply }: Entry): boolean {
	return (
		(status & IPS_SRC_NAT) !== 0 ||
		reply.dst !== orig.src ||
		reply.dport !== orig.sport
	);
}

/** Returns the hostIP as a mapping has it: null for any. */
function addressOf({ hostIP }: Selection): IP | null {
	return hostIP === undefined ? null : hostIPOf(hostIP);
}

/** Returns true if there is a condition, and not only options that narrow one. A region that is everywhere is none. */
export function isSaid(s: Selection): boolean {
	return (
		s.hostPorts.length > 0 ||
		s.podIPs !== undefined ||
		[s.from, s.to, s.leadsTo, s.answeredAt].some((p) => p && isNarrowing(p))
	);
}

/** Returns true if a port is given on any side, so that only entries of protocols with ports agree. */
export function saysPorts(s: Selection): boolean {
	return (
		s.hostPorts.length > 0 ||
		[s.from, s.to, s.leadsTo, s.answeredAt].some((p) => p?.ports)
	);
}

/** Returns true if everything of the protocols is selected, whatever the entry. */
export function leavesNothingOut({
	protos: _,
	hostPorts,
	...rest
}: Selection): boolean {
	return (
		hostPorts.length === 0 &&
		Object.values<unknown>(rest).every((given) => given === undefined)
	);
}
