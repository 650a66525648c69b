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
interface Rule {
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

/** Returns true if ADD of `pod` removes the entry. */
export function goesOnAdd(
	f: Flow,
	pod: Pod,
	handled: readonly Proto[],
	live: readonly Pod[],
): boolean {
	return rulesOf(pod, handled).some((m) => {
		if (f.family !== m.family || f.proto !== m.proto) return false;
		if (f.dport !== m.hostPort) return false;
		if (m.hostIP !== undefined) {
			if (f.dst !== m.hostIP) return false;
		} else {
			const locals: readonly string[] = LOCAL[f.family];
			if (!locals.includes(f.dst)) return false;
			// a live rule of this very address has sent it where it goes
			const isAnothers = [pod, ...live].some((other) =>
				rulesOf(other, handled).some(
					(o) => o.hostIP === f.dst && leadsThrough(f, o),
				),
			);
			if (isAnothers) return false;
		}
		if (f.replySrc === m.podIP && f.replySport === m.containerPort)
			return false;
		if (f.proto === "tcp") return isDNATed(f);
		if (f.proto === "sctp") return isDNATed(f) || f.seen !== "ASSURED";
		return true;
	});
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

/** Returns true if the end of `pod` removes the entry; a live pod's own never goes. */
export function goesOnDel(
	f: Flow,
	pod: Pod,
	handled: readonly Proto[],
	live: readonly Pod[],
): boolean {
	const leads = (p: Pod): boolean =>
		rulesOf(p, handled).some((m) => leadsThrough(f, m));
	return leads(pod) && !live.some(leads);
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
