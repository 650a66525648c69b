// The model: what must become of an entry, in the words of the documentation and
// with nothing of the source. Slow, plain, one rule after another.

import type { Family, Flow, Proto } from "../support/flow.ts";
import { LOCAL } from "./model.world.ts";

export interface PortMapping {
	readonly hostPort: number;
	readonly containerPort: number;
	readonly protocol: Proto;
	readonly hostIP?: string;
}

export interface Pod {
	readonly id: string;
	readonly ips: readonly string[];
	readonly mappings: readonly PortMapping[];
}

/** A rule of portmap: one mapping for one address of the pod. */
export interface Rule {
	readonly family: Family;
	readonly proto: Proto;
	readonly hostPort: number;
	readonly hostIP: string | undefined;
	readonly podIP: string;
	readonly containerPort: number;
}

const familyOf = (ip: string): Family => (ip.includes(":") ? 6 : 4);

function rulesOf(pod: Pod, handled: readonly Proto[]): Rule[] {
	const rules: Rule[] = [];
	for (const m of pod.mappings) {
		if (!handled.includes(m.protocol)) continue;
		for (const podIP of pod.ips) {
			const given = m.hostIP === "" ? undefined : m.hostIP;
			// an address of the other family, also its wildcard: no rule
			if (given !== undefined && familyOf(given) !== familyOf(podIP)) continue;
			rules.push({
				family: familyOf(podIP),
				proto: m.protocol,
				hostPort: m.hostPort,
				hostIP: given === "0.0.0.0" || given === "::" ? undefined : given,
				podIP,
				containerPort: m.containerPort,
			});
		}
	}
	return rules;
}

function isDNATed(f: Flow): boolean {
	return f.replySrc !== f.dst || f.byNat;
}

/** Returns the rules of the pods in the order in which the kernel tries them: portmap's nftables backend has those of single addresses first. */
export function rulesInOrder(
	pods: readonly Pod[],
	handled: readonly Proto[],
): Rule[] {
	const rules = pods.flatMap((pod) => rulesOf(pod, handled));
	return [
		...rules.filter((m) => m.hostIP !== undefined),
		...rules.filter((m) => m.hostIP === undefined),
	];
}

/** Addresses that a rule takes for the node's own, although no ADD does: those of IPVS, and ::1. */
const RULES_LOCAL: Readonly<Record<Family, readonly string[]>> = {
	4: [...LOCAL[4], "10.96.0.10"],
	6: [...LOCAL[6], "fd96::10", "::1"],
};

function isClaimed(f: Flow, m: Rule): boolean {
	if (f.family !== m.family || f.proto !== m.proto) return false;
	if (f.dport !== m.hostPort) return false;
	return m.hostIP === undefined
		? RULES_LOCAL[f.family].includes(f.dst)
		: f.dst === m.hostIP;
}

/** Returns true if ADD of `pod` removes the entry: the kernel would now send it to the pod, and it leads elsewhere. */
export function goesOnAdd(
	f: Flow,
	pod: Pod,
	handled: readonly Proto[],
	live: readonly Pod[],
): boolean {
	const taken = rulesInOrder([...live, pod], handled).find((m) =>
		isClaimed(f, m),
	);
	if (!taken || !pod.ips.includes(taken.podIP)) return false;
	const locals: readonly string[] = LOCAL[f.family];
	if (taken.hostIP === undefined && !locals.includes(f.dst)) return false;
	if (f.replySrc === taken.podIP && f.replySport === taken.containerPort)
		return false;
	if (f.proto === "tcp") return isDNATed(f);
	if (f.proto === "sctp") return isDNATed(f) || f.seen !== "ASSURED";
	return true;
}

function leadsThrough(f: Flow, m: Rule): boolean {
	return (
		f.family === m.family &&
		f.proto === m.proto &&
		f.dport === m.hostPort &&
		f.replySrc === m.podIP &&
		f.replySport === m.containerPort &&
		(m.hostIP === undefined || f.dst === m.hostIP)
	);
}

/**
 * Returns true if the end of `pod` removes the entry. It stays if it is a live pod's own
 * and the kernel would send it there now, by the rules of the pods `ruling`.
 */
export function goesOnDel(
	f: Flow,
	pod: Pod,
	handled: readonly Proto[],
	live: readonly Pod[],
	ruling: readonly Pod[],
): boolean {
	const leads = (p: Pod): boolean =>
		rulesOf(p, handled).some((m) => leadsThrough(f, m));
	if (!leads(pod)) return false;
	if (!live.some(leads)) return true;
	// IPVS, a zone of Open vSwitch: no rule made it, so the rules say nothing about it
	const isOfZone = f.zone !== 0 && f.zoneOf !== "orig";
	const isTranslated = f.replySrc !== f.dst || f.replySport !== f.dport;
	if (isOfZone || (isTranslated && !f.byNat)) return false;
	const taken = rulesInOrder(ruling, handled).find((m) => isClaimed(f, m));
	return (
		f.replySrc !== (taken?.podIP ?? f.dst) ||
		f.replySport !== (taken?.containerPort ?? f.dport)
	);
}

/** The same where all that comes to the pod is meant. */
export function goesWithPod(
	f: Flow,
	pod: Pod,
	handled: readonly Proto[],
	live: readonly Pod[],
): boolean {
	return (
		f.proto !== "icmp" &&
		handled.includes(f.proto) &&
		pod.ips.includes(f.replySrc) &&
		!live.some((p) => p.ips.includes(f.replySrc)) &&
		isDNATed(f)
	);
}
