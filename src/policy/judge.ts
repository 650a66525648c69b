// The predicate's verdict on one entry with its reason in plain words, for people
// who look at the table. It says what the records show, and when a pod left if that
// is remembered. Pure.

import type { Entry } from "../conntrack/entry.ts";
import type { IP } from "../net/ip.ts";
import { portKey } from "../net/proto.ts";
import type { Departure } from "../state/departures.read.ts";
import type { Attachment } from "../state/store.ts";
import {
	leadsTo,
	type Mapping,
	type Node,
	type Reason,
	staleOnAdd,
} from "./stale.ts";

export interface Verdict {
	/** "other": no recorded attachment's hostPort has to do with it. */
	readonly kind: "stale" | "live" | "other";
	/** Of a stale one. */
	readonly reason?: Reason;
	readonly why: string;
	/** Whose hostPort the entry came to. */
	readonly attachment?: Attachment;
	/** Of the pod that it leads to, if that has left. */
	readonly departure?: Departure;
}

/** A mapping and whose it is. */
interface Owned {
	readonly mapping: Mapping;
	readonly attachment: Attachment;
}

/**
 * Judges by the recorded attachments, as `reconcile` does. `now` is the monotonic
 * clock, on which attachments are dated.
 */
export function explainer(
	live: readonly Attachment[],
	isLocal: (ip: IP) => boolean,
	now: number,
	departed: ReadonlyMap<IP, Departure>,
): (e: Entry) => Verdict {
	const byPort = new Map<number, Owned[]>();
	const pods = new Map<IP, Attachment>();
	for (const attachment of live) {
		for (const { podIP } of attachment.pods) pods.set(podIP, attachment);
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
		// what leads to a live mapping has been found above
		const node: Node = { isLocal, isServed: () => false };
		for (const { mapping, attachment } of owned) {
			const reason = staleOnAdd(mapping, e, node);
			if (reason === undefined) continue;
			const live = `the live pod is ${nameOf(attachment)} at ${mapping.podIP}`;
			const stale = { kind: "stale", reason, attachment } as const;
			const departure =
				reason === "other-pod" && !pods.has(e.reply.src)
					? departed.get(e.reply.src)
					: undefined;
			if (departure)
				return {
					...stale,
					why: `sends to ${e.reply.src}, ${leftFor(now - departure.at)}; ${live}`,
					departure,
				};
			const since = ago(now - attachment.added);
			return {
				...stale,
				why: `${whatItDoes(e, reason, pods)}; ${live}, for ${since}`,
			};
		}
		return { kind: "other", why: passing(e, isLocal) };
	};
}

function whatItDoes(
	e: Entry,
	reason: Reason,
	pods: ReadonlyMap<IP, Attachment>,
): string {
	const { src, sport } = e.reply;
	if (reason === "no-dnat")
		return "came while no rule was there, and ends on the node itself";
	if (reason === "other-port")
		return `sends to ${endpoint(src, sport)}, not the port that is mapped`;
	const owner = pods.get(src);
	return owner
		? `sends to ${src}, which is ${nameOf(owner)}`
		: `sends to ${src}, which no recorded pod has`;
}

/** `which left this node 4 min ago`. */
export function leftFor(ms: number): string {
	return `which left this node ${ago(ms)} ago`;
}

/** Why an entry on the port number of a recorded hostPort is none of its own. */
function passing(e: Entry, isLocal: (ip: IP) => boolean): string {
	return e.reply.src === e.orig.dst && isLocal(e.orig.dst)
		? "ends on the node itself, as its own listeners' entries do"
		: `goes to ${e.orig.dst}, which the hostPort is not mapped on`;
}

/** The pod's name, or what else there is to name it by. */
function nameOf({ pod, containerID }: Attachment): string {
	return printable(pod ?? `container ${containerID.slice(0, 12)}`);
}

/** A name that others made: no control characters to a terminal. */
export function printable(name: string): string {
	return name.replace(/[^ -~]/g, "?");
}

/** `10.88.0.2:53`, `[fd88::2]:53`. */
export function endpoint(ip: IP, port: number): string {
	return ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
}

const UNITS = [
	["days", 86_400],
	["h", 3600],
	["min", 60],
] as const;

/** A length of time as people say it: `12 s`, `4 min`, `3 h`, `2 days`. */
function ago(ms: number): string {
	const s = Math.max(0, Math.floor(ms / 1000));
	// not "1 days"
	for (const [unit, length] of UNITS)
		if (s >= (unit === "days" ? 2 : 1) * length)
			return `${Math.floor(s / length)} ${unit}`;
	return `${s} s`;
}
