// The predicate's verdict on one entry, with its reason in plain words, for people who
// look at the table. It says what the records show, and when a pod left if that is
// remembered. Pure.

import type { Entry } from "../conntrack/entry.ts";
import type { IP } from "../net/ip.ts";
import { portKey } from "../net/proto.ts";
import { type Attachment, leadsTo, type Mapping } from "./mapping.ts";
import { type Node, type Reason, staleOnAdd } from "./stale.ts";
import { age, leftAgo, nameOf, passingInWords, staleInWords } from "./words.ts";

/** The last that is remembered of a pod that left the node. */
export interface Departure {
	/** `namespace/name`, if the runtime named the pod. */
	readonly pod: string | undefined;
	/** When it left, in ms of the monotonic clock, as attachments are dated. */
	readonly at: number;
}

export interface Verdict {
	/** "other": no recorded hostPort has to do with the entry. */
	readonly kind: "stale" | "live" | "other";
	/** Why the entry is stale, if it is. */
	readonly reason?: Reason;
	/** The reason in plain words. */
	readonly why: string;
	/** The attachment whose hostPort the entry came to. */
	readonly attachment?: Attachment;
	/** The departure of the pod that the entry leads to, if it has left. */
	readonly departure?: Departure;
}

/** A mapping and its attachment. */
interface Owned {
	readonly mapping: Mapping;
	readonly attachment: Attachment;
}

/**
 * Returns a judge by the live attachments, which decides as `reconcile` does. `now` is
 * the monotonic clock, by which attachments are dated.
 */
export function judgeBy(
	live: readonly Attachment[],
	isLocal: (ip: IP) => boolean,
	now: number,
	departures: ReadonlyMap<IP, Departure>,
): (e: Entry) => Verdict {
	const byPort = new Map<number, Owned[]>();
	const pods = new Map<IP, Attachment>();
	for (const attachment of live) {
		for (const { podIP } of attachment.podTargets) pods.set(podIP, attachment);
		for (const mapping of attachment.mappings) {
			const key = portKey(mapping.proto, mapping.hostPort);
			byPort.set(key, [...(byPort.get(key) ?? []), { mapping, attachment }]);
			pods.set(mapping.podIP, attachment);
		}
	}
	return (e) => {
		const owned = byPort.get(portKey(e.proto, e.orig.dport));
		if (!owned) return { kind: "other", why: "no recorded hostPort" };
		for (const { mapping, attachment } of owned)
			if (leadsTo(mapping, e))
				return {
					kind: "live",
					why: `leads to ${nameOf(attachment)}`,
					attachment,
				};
		// an entry that leads to a live mapping has returned above
		const node: Node = { isLocal, isServed: () => false };
		for (const { mapping, attachment } of owned) {
			const reason = staleOnAdd(mapping, e, node);
			if (reason === undefined) continue;
			const live = `the live pod is ${nameOf(attachment)} at ${mapping.podIP}`;
			const stale = { kind: "stale", reason, attachment } as const;
			const departure =
				reason === "other-pod" && !pods.has(e.reply.src)
					? departures.get(e.reply.src)
					: undefined;
			if (departure)
				return {
					...stale,
					why: `sends to ${e.reply.src}, ${leftAgo(now - departure.at)}; ${live}`,
					departure,
				};
			const since = age(now - attachment.added);
			const what = staleInWords(e, reason, pods.get(e.reply.src));
			return { ...stale, why: `${what}; ${live}, for ${since}` };
		}
		return { kind: "other", why: passingInWords(e, isLocal) };
	};
}
