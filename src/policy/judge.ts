// The verdict on one entry, with its reason in plain words, for people who look at the
// table. It decides as a removal does: the predicate and the records name candidates, and
// the rules decide. Where the rules are not known, the records alone speak. Pure.

import type { Entry } from "../conntrack/entry.ts";
import type { IP } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
import { begunByDeparted } from "./begun.ts";
import {
	type Attachment,
	addTo,
	isSame,
	isSameMapping,
	leadsTo,
	type Mapping,
} from "./mapping.ts";
import { contradiction, targetsIn } from "./published.ts";
import { mayLeadTo, type Prospect, rulingOn } from "./ruling.ts";
import { rulesInWords } from "./ruling.words.ts";
import { isDNATed, type Reason, staleOnAdd } from "./stale.ts";
import {
	age,
	begunInWords,
	leftAgo,
	nameOf,
	passingInWords,
	staleInWords,
} from "./words.ts";

/** The last that is remembered of a pod that left the node. */
export interface Departure {
	/** `namespace/name`, if the runtime named the pod. */
	readonly pod: string | undefined;
	/** When it left, in ms of the monotonic clock, as attachments are dated. */
	readonly at: number;
}

export interface Verdict {
	/** "other": neither a recorded hostPort nor a published port has to do with the entry, or the rules send its frontend elsewhere. */
	readonly kind: "stale" | "live" | "other";
	/** Why the entry is stale, if it is. */
	readonly reason?: Reason;
	/** The reason in plain words. */
	readonly why: string;
	/** The attachment whose hostPort the entry came to. */
	readonly attachment?: Attachment | undefined;
	/** The departure of the pod that the entry leads to, if it has left. */
	readonly departure?: Departure | undefined;
	/** True if rules of an engine that publishes ports decide about the entry. */
	readonly isPublished?: boolean;
	/** True if a pod that left began the entry, and it takes what peers send to the attachment's hostPort. */
	readonly isBegun?: boolean;
}

/** An attachment that libcni knows, whether or not it has hostPorts. */
export interface Holder extends Attachment {
	/** All addresses of its pod. */
	readonly ips: readonly IP[];
}

/** A mapping and its attachment. */
interface Owned {
	readonly mapping: Mapping;
	readonly attachment: Attachment;
}

/** A mapping that the entry contradicts. */
interface Contradicted extends Owned {
	readonly reason: Reason;
}

/**
 * Returns a judge by the live attachments and by the rules. `now` is the monotonic
 * clock, by which attachments are dated. `cached` says whose the other addresses are; it
 * is empty if nobody knows. A judge without a prospect judges by the attachments alone.
 */
export function judgeBy(
	live: readonly Attachment[],
	isLocal: (ip: IP) => boolean,
	now: number,
	departures: ReadonlyMap<IP, Departure>,
	cached: readonly Holder[] = [],
): (e: Entry, prospect?: Prospect) => Verdict {
	const byPort = new PortIndex<Owned>();
	const pods = new Map<IP, Attachment>();
	for (const holder of cached)
		for (const ip of holder.ips) pods.set(ip, holder);
	for (const attachment of live) {
		for (const { podIP } of attachment.podTargets) pods.set(podIP, attachment);
		for (const mapping of attachment.mappings) {
			addTo(byPort, mapping, (m) => ({ mapping: m, attachment }));
			pods.set(mapping.podIP, attachment);
		}
	}
	/** Says since when nobody has the address that the entry leads to. */
	const departureOf = ({ reply }: Entry): Departure | undefined =>
		pods.has(reply.src) ? undefined : departures.get(reply.src);

	/** Names the pod whose hostPorts nobody knows, as under CRI-O, or that has none. */
	const holderInWords = (e: Entry): string => {
		const pod = isDNATed(e) ? pods.get(e.reply.src) : undefined;
		return pod ? `; ${e.reply.src} is ${nameOf(pod)}` : "";
	};

	const stale = (e: Entry, { mapping, attachment, reason }: Contradicted) => {
		const pod = `the live pod is ${nameOf(attachment)} at ${mapping.podIP}`;
		const departure = reason === "other-pod" ? departureOf(e) : undefined;
		const why = departure
			? `sends to ${e.reply.src}, ${leftAgo(now - departure.at)}; ${pod}`
			: `${staleInWords(e, reason, pods.get(e.reply.src))}; ${pod}, for ${age(now - attachment.added)}`;
		return { kind: "stale", reason, why, attachment, departure } as const;
	};

	const takenBy = begunByDeparted(
		live.flatMap((a) => a.mappings),
		departures,
		(ip) => pods.has(ip),
		isLocal,
	);
	const begun = (e: Entry): Verdict | undefined => {
		const mapping = takenBy(e);
		const departure = departures.get(e.orig.src);
		if (!mapping || !departure) return undefined;
		const attachment = byPort
			.get(mapping.proto, mapping.hostPort)
			.find((o) => isSameMapping(o.mapping, mapping))?.attachment;
		if (!attachment) return undefined;
		const why = begunInWords(e, now - departure.at);
		const found = { attachment, departure, isBegun: true };
		// the runtime caches every attachment of a network, or none
		return cached.some((c) => isSame(c, attachment))
			? {
					...found,
					kind: "stale",
					reason: "begun-by-pod",
					why: `${why}; the live pod is ${nameOf(attachment)} at ${mapping.podIP}`,
				}
			: {
					...found,
					kind: "other",
					why: `${why}; another pod may have ${e.orig.src} now, which only libcni's cache can tell`,
				};
	};

	const byRules = (
		e: Entry,
		prospect: Prospect,
		owned: readonly Owned[],
		contradicted: Contradicted | undefined,
	): Verdict => {
		const attachment = (contradicted ?? owned[0])?.attachment;
		const holder = attachment ? "" : holderInWords(e);
		const rules = rulesInWords(prospect) + holder;
		const reason = contradiction(prospect, e, "engines");
		if (reason !== undefined)
			return {
				kind: "stale",
				reason,
				why: rules,
				attachment,
				isPublished: true,
			};
		const isPublished = targetsIn(prospect, "engines").length > 0;
		if (!mayLeadTo(prospect, e.reply.src, e.reply.sport)) {
			// a frontend of firewalls and people, or one that no rule sends anywhere
			const pod = attachment ? `, and not to ${nameOf(attachment)}` : "";
			return { kind: "other", why: rules + pod, attachment };
		}
		if (!isDNATed(e)) {
			const passing = passingInWords(e, isLocal);
			const why = contradicted
				? `${passing}: ${rules}, and not to ${nameOf(contradicted.attachment)}`
				: passing;
			return { kind: "other", why, attachment };
		}
		const departure = departureOf(e);
		if (contradicted || departure) {
			const left = departure ? `, ${leftAgo(now - departure.at)}` : "";
			const before = contradicted
				? `; that rule stands before the one of ${nameOf(contradicted.attachment)}`
				: "";
			return {
				kind: "other",
				why: rules + left + before,
				attachment,
				departure,
			};
		}
		return { kind: isPublished ? "live" : "other", why: rules, isPublished };
	};

	const byClaims = (e: Entry, prospect: Prospect | undefined): Verdict => {
		const owned = byPort.get(e.proto, e.orig.dport);
		const own = owned.find(({ mapping }) => leadsTo(mapping, e));
		const contradicted = firstContradicted(owned, e, isLocal);
		const ruling = prospect
			? rulingOn(
					prospect,
					e,
					owned.map(({ mapping }) => mapping),
				)
			: "unknown";
		if (own && (ruling === "agrees" || ruling === "unknown")) {
			const { attachment } = own;
			return {
				kind: "live",
				why: `leads to ${nameOf(attachment)}`,
				attachment,
			};
		}
		if (contradicted && (ruling === "stale" || ruling === "unknown"))
			return stale(e, contradicted);
		if (prospect && ruling !== "unknown")
			return byRules(e, prospect, owned, contradicted);
		return owned.length === 0
			? { kind: "other", why: `no recorded hostPort${holderInWords(e)}` }
			: { kind: "other", why: passingInWords(e, isLocal) };
	};

	return (e, prospect) => {
		const verdict = byClaims(e, prospect);
		return verdict.kind === "stale" ? verdict : (begun(e) ?? verdict);
	};
}

function firstContradicted(
	owned: readonly Owned[],
	e: Entry,
	isLocal: (ip: IP) => boolean,
): Contradicted | undefined {
	for (const { mapping, attachment } of owned) {
		const reason = staleOnAdd(mapping, e, isLocal);
		if (reason !== undefined) return { mapping, attachment, reason };
	}
	return undefined;
}
