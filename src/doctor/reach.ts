// The check whether packets to the hostPorts of live pods come to these pods: each
// hostPort is asked of the rules, as if a client had sent to it now. Why one is lost is
// said in loss.ts.

import { Prefilter } from "../conntrack/prefilter.ts";
import { type LocalAddresses, localAddresses } from "../flush/addresses.ts";
import type { Host } from "../host.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	type IP,
	ipBytes,
	ipOf,
} from "../net/ip.ts";
import { numbersOf } from "../net/portindex.ts";
import type { Deadline } from "../netlink/deadline.ts";
import {
	type Attachment,
	type Mapping,
	mappingAt,
	type PortRow,
} from "../policy/mapping.ts";
import { mayLeadTo } from "../policy/ruling.ts";
import type { Packet } from "../rules/model.ts";
import { NatRules } from "../rules/ruleset.ts";
import { type Finding, fail, warn } from "./finding.ts";
import {
	earlierRule,
	foreignIP,
	type Known,
	type Loss,
	missingRule,
} from "./loss.ts";

const CHECK = "DNAT rules";
/** So many packets are asked of the rules; a pod may map ten thousand ports. */
export const MOST_PACKETS = 2000;
/** So many pods are named; the others are counted. */
const SHOWN = 5;
/** Clients that no node is and no rule names: the dummy address of RFC 7600, and one of RFC 6666. */
const CLIENTS: Readonly<Record<Family, IP>> = {
	[AF_INET]: "192.0.0.8",
	[AF_INET6]: "100::1",
};

export interface Reach {
	readonly findings: readonly Finding[];
	/** The mappings whose pods are reached. */
	readonly reached: number;
	/** The mappings about which the rules say nothing certain. */
	readonly unclear: number;
	/** The mappings that were left out, because there are too many. */
	readonly leftOut: number;
	/** The deletions of leftover rules that a finding advises. */
	readonly advised: ReadonlySet<string>;
}

/** Asks the rules for each mapping of the attachments. Throws what `NatRules.outcomes` throws. */
export async function checkReach(
	host: Host,
	deadline: Deadline,
	attachments: readonly Attachment[],
	known: Known,
): Promise<Reach> {
	const mappings = attachments.flatMap((a) => a.mappings);
	const families = new Set(mappings.map(({ family }) => family));
	const locals = await localAddresses(host, families, deadline);
	const rules = open(host, deadline, mappings, locals);
	const findings: Finding[] = [];
	const advised = new Set<string>();
	const counts = { reached: 0, unclear: 0, leftOut: 0 };
	let packets = 0;
	let lost = 0;
	try {
		for (const attachment of attachments) {
			/** The losses by what ends them, each with the number of further ports. */
			const losses = new Map<string, [Loss, number]>();
			for (const row of attachment.mappings) {
				const { hostPort, count = 1 } = row;
				const each = frontendsOf(row, locals).length;
				for (let port = hostPort; port < hostPort + count; port++) {
					packets += each;
					if (packets > MOST_PACKETS) {
						counts.leftOut++;
						continue;
					}
					const m = mappingAt(row, port);
					const loss = await lossOf(rules, locals, attachment, m, known);
					if (typeof loss === "string") {
						counts[loss]++;
						continue;
					}
					if (loss.isLeftOver) advised.add(loss.advice);
					const [first, more] = losses.get(loss.advice) ?? [loss, -1];
					losses.set(loss.advice, [first, more + 1]);
				}
			}
			if (losses.size > 0 && ++lost > SHOWN) continue;
			for (const [{ found, advice, isMeant }, more] of losses.values())
				findings.push(
					(isMeant ? warn : fail)(
						CHECK,
						more === 0
							? found
							: `${found}; so it is with ${more} more of its ports`,
						advice,
					),
				);
		}
	} finally {
		rules.close();
	}
	if (lost > SHOWN)
		findings.push(
			fail(
				CHECK,
				`${lost - SHOWN} more pods are not reached`,
				"repair these, and look again",
			),
		);
	return { findings, ...counts, advised };
}

function open(
	host: Host,
	deadline: Deadline,
	mappings: readonly PortRow[],
	locals: LocalAddresses,
): NatRules {
	const addresses = new Prefilter("orig.dst");
	for (const m of mappings)
		for (const ip of frontendsOf(m, locals)) addresses.add(ipBytes(ip));
	const ports = numbersOf(firstPorts(mappings));
	return new NatRules(host, deadline, {
		address: (dst) => addresses.mayHave(dst),
		port: (dport) => ports.has(dport),
	});
}

/** Returns the rows of the ports that can be asked for: each takes a packet or more. */
function firstPorts(mappings: readonly PortRow[]): PortRow[] {
	let left = MOST_PACKETS;
	return mappings.flatMap((row) => {
		const count = Math.min(row.count ?? 1, left);
		left -= count;
		return count > 0 ? [{ ...row, count }] : [];
	});
}

/** Returns the addresses of the node to which clients send. Those of a link and of the loopback are for the node alone. */
function frontendsOf(
	{ family, hostIP }: PortRow,
	locals: LocalAddresses,
): readonly IP[] {
	if (hostIP !== null) return [hostIP];
	return locals
		.hosts()
		.filter(
			(ip) =>
				ip.includes(":") === (family === AF_INET6) &&
				!/^(127\.|::1$|fe[89ab].:)/.test(ip),
		);
}

/** Returns the first loss on the mapping's frontends, if there is one. */
async function lossOf(
	rules: NatRules,
	locals: LocalAddresses,
	attachment: Attachment,
	m: Mapping,
	known: Known,
): Promise<Loss | "reached" | "unclear"> {
	let isClear = false;
	for (const frontend of frontendsOf(m, locals)) {
		const packet = packetTo(frontend, m, locals);
		const { all: outcomes } = await rules.outcomes(packet);
		if (outcomes.some(({ is }) => is === "unknown")) continue;
		isClear = true;
		const prospect = { packet, outcomes };
		if (mayLeadTo(prospect, m.podIP, m.containerPort)) continue;
		return (
			(m.hostIP === null || locals.isLocal(m.hostIP)
				? undefined
				: foreignIP(m.hostIP, attachment, m)) ??
			earlierRule(prospect, attachment, m, known) ??
			missingRule(frontend, attachment, m, known)
		);
	}
	return isClear ? "reached" : "unclear";
}

function packetTo(
	frontend: IP,
	{ family, proto, hostPort }: Mapping,
	locals: LocalAddresses,
): Packet {
	return {
		family,
		proto,
		src: ipBytes(CLIENTS[family]),
		dst: ipBytes(frontend),
		dport: hostPort,
		isSentByNode: false,
		arrivesOn: undefined,
		isLocal: (address) => locals.isLocal(ipOf(address)),
	};
}
