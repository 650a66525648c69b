// The words in which verdicts are told to people. Pure.

import type { Entry } from "../conntrack/entry.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import type { IP } from "../net/ip.ts";
import type { Attachment } from "./mapping.ts";
import type { Reason } from "./stale.ts";

/** Says what a stale entry does. `owner` is the live attachment that has the address it leads to. */
export function staleInWords(
	e: Entry,
	reason: Reason,
	owner: Attachment | undefined,
): string {
	const { src, sport } = e.reply;
	if (reason === "retired") return "was retired by a DEL, and ends in a moment";
	if (reason === "no-dnat")
		return "came while no rule was there, and ends on the node itself";
	if (reason === "other-port")
		return `sends to ${formatEndpoint(src, sport)}, not the port that is mapped`;
	return owner
		? `sends to ${src}, which is ${nameOf(owner)}`
		: `sends to ${src}, which no recorded pod has`;
}

/** Says what an entry does that a pod began which left so long ago, in ms. */
export function begunInWords({ orig, reply }: Entry, ms: number): string {
	const peer = formatEndpoint(reply.src, reply.sport);
	const frontend = formatEndpoint(reply.dst, reply.dport);
	return `was begun by ${orig.src}, ${leftAgo(ms)}, and takes what ${peer} sends to ${frontend}`;
}

/** Says why an entry on the port number of a recorded hostPort has nothing to do with it. */
export function passingInWords(e: Entry, isLocal: (ip: IP) => boolean): string {
	return e.reply.src === e.orig.dst && isLocal(e.orig.dst)
		? "ends on the node itself, as its own listeners' entries do"
		: `goes to ${e.orig.dst}, which the hostPort is not mapped on`;
}

/** `which left this node 4 min ago` */
export function leftAgo(ms: number): string {
	return `which left this node ${age(ms)} ago`;
}

/** The pod's name or, if the runtime named no pod, the container. */
export function nameOf({ pod, containerID }: Attachment): string {
	return printable(pod ?? `container ${containerID.slice(0, 12)}`);
}

/** A name that others chose, without control characters, which a terminal would obey. */
export function printable(name: string): string {
	return name.replace(/[^ -~]/g, "?");
}

const UNITS = [
	["days", 86_400],
	["h", 3600],
	["min", 60],
] as const;

/** A length of time as people say it: `12 s`, `4 min`, `3 h`, `2 days`. */
export function age(ms: number): string {
	const s = Math.max(0, Math.floor(ms / 1000));
	// 36 hours read better than "1 days"
	for (const [unit, length] of UNITS)
		if (s >= (unit === "days" ? 2 : 1) * length)
			return `${Math.floor(s / length)} ${unit}`;
	return `${s} s`;
}
