// The nat table of legacy iptables as one packet sees it: a line for each base chain and
// each rule, with the answers of the matches. The probe prints it, and unit tests do.

import type { Host } from "../../src/host.ts";
import { familyOf, formatIP, type IP, ipBytes } from "../../src/net/ip.ts";
import { readLegacy } from "../../src/rules/legacy.read.ts";
import type { LegacyRules } from "../../src/rules/legacy.ts";
import type { Interest, Packet, Step } from "../../src/rules/model.ts";

/** A packet in words. */
export interface Described {
	readonly src: IP;
	readonly dst: IP;
	readonly dport: number;
	/** UDP if it is not given. */
	readonly proto?: number;
	/** The interface that it arrives on; null if the node itself sends it. */
	readonly on?: string | null;
	readonly locals?: readonly IP[];
	/** Leave out the rules that do not concern it. */
	readonly isScreened?: boolean;
}

export function packetOf(d: Described): Packet {
	const family = familyOf(d.dst);
	return {
		family,
		proto: d.proto ?? 17,
		src: ipBytes(d.src),
		dst: ipBytes(d.dst),
		dport: d.dport,
		isSentByNode: d.on === null,
		arrivesOn: d.on ?? undefined,
		isLocal: (address) =>
			d.locals?.includes(formatIP(address, 0, family)) ?? false,
	};
}

export const EVERYTHING: Interest = { address: () => true, port: () => true };

/** The interest in one packet alone. */
export function interestIn({ family, dst, dport }: Packet): Interest {
	const text = formatIP(dst, 0, family);
	return {
		address: (a) => formatIP(a, 0, family) === text,
		port: (port) => port === dport,
	};
}

/** Returns the lines, or null if there is no such table. */
export function seenBy(host: Host, d: Described): readonly string[] | null {
	const p = packetOf(d);
	const interest = d.isScreened ? interestIn(p) : EVERYTHING;
	const rules = readLegacy(host, p.family, interest);
	return rules ? linesOf(rules, p) : null;
}

export function linesOf({ chains, rules }: LegacyRules, p: Packet): string[] {
	return [
		...chains.map((c) => `${c.chain}: ${c.hook} ${c.priority} ${c.policy}`),
		...[...rules].flatMap(([key, list]) =>
			list.map((rule) => {
				const steps = rule.steps.map((step) => wordsOf(step, p)).join(", ");
				return `${key.split(" ").at(-1)} ${rule.handle}: ${steps}`;
			}),
		),
	];
}

/** A step in words: the answer of a match, or what the target does. */
export function wordsOf(step: Step, p: Packet): string {
	if (step.is === "match") return step.matches(p);
	if (step.is === "jump" || step.is === "goto")
		return `${step.is} ${step.chain}`;
	if (step.is !== "send") return step.is;
	const { addresses, ports } = step.target;
	const ip = (a: Uint8Array): string => formatIP(a, 0, a.length === 4 ? 2 : 10);
	const to = addresses ? span(ip(addresses.min), ip(addresses.max)) : "itself";
	return `send to ${to}${ports ? ` port ${span(ports.min, ports.max)}` : ""}`;
}

function span(min: string | number, max: string | number): string {
	return min === max ? `${min}` : `${min} to ${max}`;
}
