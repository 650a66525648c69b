// Why packets to a hostPort do not come to its pod, and the one command that helps: a rule
// stands before the pod's own, the way to its rule is broken, or it has none. It asks no
// rule (reach.ts does).

import { formatEndpoint } from "../net/endpoint.ts";
import { type IP, ipOf } from "../net/ip.ts";
import { protocolName } from "../net/proto.ts";
import type { Attachment, Mapping } from "../policy/mapping.ts";
import type { Prospect } from "../policy/ruling.ts";
import { backendInWords } from "../policy/ruling.words.ts";
import { nameOf } from "../policy/words.ts";
import type { Callers } from "../rules/callers.ts";
import type { DNATRule } from "../rules/dnat.ts";
import { engineOf, formatPlace } from "../rules/engines.ts";
import type { Place } from "../rules/model.ts";
import {
	deletionOf,
	formatChain,
	listingOf,
	remedyFor,
	restartOf,
} from "./remedy.ts";

/** What the survey of the rules has found. */
export interface Known {
	readonly callers: Callers;
	/** Returns a rule that leads to the mapping's pod and port, wherever it stands. */
	ruleFor(m: Mapping): DNATRule | undefined;
	/** Returns the leftover rule at this place that sends to an address, or undefined if it is none. */
	leftoverAt(by: Place, ip: IP, hostPort: number): DNATRule | undefined;
	/** False if something is wrong with the conflist, so that portmap may have made no rule. */
	readonly isConflistSound: boolean;
}

/** A way on which packets are lost. */
export interface Loss {
	readonly found: string;
	readonly advice: string;
	/** True if somebody may have wanted it so. */
	readonly isMeant: boolean;
	/** True if the advice is to delete a leftover rule. */
	readonly isLeftOver: boolean;
}

const FAULT = { isMeant: false, isLeftOver: false };
const MEANT = { isMeant: true, isLeftOver: false };

/** Returns the loss because the hostIP is no address of this node. */
export function foreignIP(
	hostIP: IP,
	attachment: Attachment,
	{ hostPort }: Mapping,
): Loss {
	return {
		...MEANT,
		found: `hostPort ${hostPort} of ${nameOf(attachment)} is for ${hostIP}, which is no address of this node`,
		advice: "change the hostIP, or leave it out",
	};
}

/** Returns the loss to a rule that takes the packets before the pod's own, or undefined if there is none. */
export function earlierRule(
	{ packet, outcomes }: Prospect,
	attachment: Attachment,
	m: Mapping,
	known: Known,
): Loss | undefined {
	const frontend = formatEndpoint(ipOf(packet.dst), packet.dport);
	const silent = `so ${nameOf(attachment)} hears nothing there`;
	for (const o of outcomes) {
		if (o.is === "dropped")
			return {
				...FAULT,
				found: `${formatChain(o.by)} drops what comes to ${frontend}, ${silent}`,
				advice: `look at the rules: ${listingOf(o.by)}`,
			};
		if (o.is !== "target") continue;
		const engine = engineOf(o.by);
		const ip = o.target.addresses && ipOf(o.target.addresses.min);
		const leftover =
			ip === undefined ? undefined : known.leftoverAt(o.by, ip, m.hostPort);
		const place = `${formatPlace(o.by)} (${engine})`;
		const found = `${place} sends ${frontend} to ${backendInWords(o.target, m.hostPort)} first, ${silent}`;
		if (leftover)
			return {
				isMeant: false,
				isLeftOver: true,
				found: `${found}; no pod has that address`,
				advice: deletionOf(leftover),
			};
		return {
			// a Service on the node's address may be for the same pods, as with the ServiceLB of k3s
			...(engine === "kube-proxy" ? MEANT : FAULT),
			found,
			advice: remedyFor(engine, o.by, attachment, m),
		};
	}
	return undefined;
}

/** Returns the loss because no rule is there, or because none leads to it. */
export function missingRule(
	frontend: IP,
	attachment: Attachment,
	m: Mapping,
	known: Known,
): Loss {
	const name = nameOf(attachment);
	const where = `${protocolName(m.proto)} ${formatEndpoint(frontend, m.hostPort)}`;
	const restart = restartOf(attachment);
	const rule = known.ruleFor(m);
	const gap = rule && known.callers.gapBefore(rule);
	if (gap)
		return {
			...FAULT,
			found: `no chain calls ${formatChain(gap)}, so the rule that sends ${where} to ${name} has no effect`,
			advice: restart,
		};
	if (rule)
		return {
			// portmap has conditions that leave out clients (conditionsV4, conditionsV6)
			...MEANT,
			found: `${formatPlace(rule)} sends to ${name}, but not what every client sends to ${where}`,
			advice: `look at the conditions: ${listingOf(rule)}`,
		};
	const found = `no rule sends ${where} to ${name}`;
	return known.isConflistSound
		? {
				...FAULT,
				found: `${found}: the nat rules were wiped (firewalld reload, iptables -t nat -F)`,
				advice: restart,
			}
		: {
				...MEANT,
				found: `${found}, which may come from the conflist`,
				advice: `repair the conflist; then ${restart}`,
			};
}
