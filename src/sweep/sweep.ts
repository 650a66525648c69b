// The sweep: TCP entries whose client sends its SYN again and again without ever
// getting an answer. One that was made while no rule was there, or that leads to a
// pod that is gone, keeps the client from the service (kubernetes#101607): for as
// long as it tries where each SYN renews the timer; for two minutes where it does
// not, as newer kernels do (nf_conntrack_tcp_packet; found so on Linux 6.18).
//
// An entry has to go once it has swallowed as many retries as the threshold says:
// its timer was seen renewed so often, or it has been unanswered for the time in
// which a client sends that many. What a sample does not show is forgotten.

import { IPS_SEEN_REPLY } from "../conntrack/constants.ts";
import { type DetailedEntry, readUnanswered } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack, type RemovalCount } from "../conntrack/table.ts";
import type { Host } from "../host.ts";
import { IPPROTO_TCP } from "../net/proto.ts";
import { Deadline } from "../netlink/exchange.ts";
import type { Scope } from "./scope.ts";

const DEADLINE_MS = 30_000;
/** Entries that are remembered at most, about 10 MB: a SYN flood must not fill the memory. */
const REMEMBERED = 20_000;

export interface Rule {
	readonly scope: Scope;
	/** Retries that an entry has swallowed before it goes. */
	readonly threshold: number;
	/** Entries removed in one sample at most; the others' turn is in the next. */
	readonly cap: number;
	/** Leaves all entries, and says which would have gone. */
	readonly dryRun: boolean;
}

/** What is remembered of an entry from sample to sample. */
interface Watched {
	/** When it was seen first; like all times, in ms of the monotonic clock. */
	readonly since: number;
	/** The latest time at which the timer can end, if it was not renewed. */
	ends: number;
	/** Samples that found the timer renewed. */
	renewals: number;
	/** Samples after the first. */
	samples: number;
	/** Whether the sample at hand has shown it. */
	isHere: boolean;
	/** Whether a dry run has said that it would go. */
	isTold: boolean;
}

/** Between samples; begin with an empty one. */
export type Memory = Map<string, Watched>;

export interface Swept {
	readonly entry: Entry;
	readonly renewals: number;
	/** How long it was seen unanswered. */
	readonly ms: number;
}

export interface SweepPass {
	/** What was to go. */
	readonly swept: readonly Swept[];
	readonly outcome: RemovalCount;
	/** Whether there is anything at all that may be swept. */
	readonly hasScope: boolean;
	/** Entries that match, but are beyond what can be remembered. */
	readonly overlooked: number;
}

/**
 * Takes one sample: looks at the table once, and removes what has to go. Throws
 * NetlinkError, SysError or DeadlineError; then entries are remembered as they were.
 */
export async function sweepOnce(
	host: Host,
	memory: Memory,
	rule: Rule,
): Promise<SweepPass> {
	const swept: Swept[] = [];
	const outcome: RemovalCount = { done: 0, expired: 0, failed: new Map() };
	let overlooked = 0;
	const { ports, covers } = await rule.scope(host);
	const table = new Conntrack(host, new Deadline(host, DEADLINE_MS));
	for (const watched of memory.values()) watched.isHere = false;
	try {
		if (ports.length > 0 && (await table.count()) > 0) {
			const set = new PortSet();
			for (const port of ports) set.add(IPPROTO_TCP, port);
			const begun = host.ticks();
			const visit = async (hits: readonly DetailedEntry[]): Promise<void> => {
				const now = host.ticks();
				const going: Swept[] = [];
				for (const entry of hits.filter((e) => isWaiting(e) && covers(e))) {
					const key = keyOf(entry);
					const watched = memory.get(key);
					if (watched) {
						watched.isHere = true;
						look(watched, entry, begun, now);
						if (
							watched.isTold ||
							!isDue(watched, now, rule.threshold) ||
							swept.length + going.length >= rule.cap
						)
							continue;
						const { renewals, since } = watched;
						going.push({ entry, renewals, ms: now - since });
						if (rule.dryRun) watched.isTold = true;
						else memory.delete(key);
					} else if (memory.size >= REMEMBERED) {
						overlooked++;
					} else {
						const ends = now + 1000 * (entry.timeout + 1);
						memory.set(key, {
							since: now,
							ends,
							renewals: 0,
							samples: 0,
							isHere: true,
							isTold: false,
						});
					}
				}
				if (going.length === 0) return;
				swept.push(...going);
				// at once: the more time passes, the more likely a reply comes
				if (!rule.dryRun)
					add(outcome, await table.remove(going.map((s) => s.entry.key)));
			};
			const count = { entries: 0, kept: 0, undecodable: 0 };
			await scan(table, set, count, visit, undefined, readUnanswered);
		}
	} finally {
		table.close();
	}
	for (const [key, { isHere }] of memory) if (!isHere) memory.delete(key);
	return { swept, outcome, hasScope: ports.length > 0, overlooked };
}

/** Whether the client waits for its first answer. */
function isWaiting(e: DetailedEntry): boolean {
	return (
		e.proto === IPPROTO_TCP &&
		e.tcpState === "SYN_SENT" &&
		(e.status & IPS_SEEN_REPLY) === 0
	);
}

/**
 * Compares the timer with what it was. The kernel read it between the moments
 * `from` and `to`, and shows whole seconds, rounded down. It was renewed if it
 * ends later than it can have ended by all that was seen before: never a guess,
 * and renewals too near to each other for one sample add up.
 */
function look(
	watched: Watched,
	{ timeout }: DetailedEntry,
	from: number,
	to: number,
): void {
	watched.samples++;
	const latest = to + 1000 * (timeout + 1);
	if (from + 1000 * timeout < watched.ends)
		watched.ends = Math.min(watched.ends, latest);
	else {
		watched.renewals++;
		watched.ends = latest;
	}
}

/**
 * Whether the entry has swallowed `threshold` retries. TCP waits a second for its
 * first, and twice as long for each one more (RFC 6298).
 */
function isDue(
	{ renewals, samples, since }: Watched,
	now: number,
	threshold: number,
): boolean {
	const ms = 1000 * (2 ** threshold - 1);
	return renewals >= threshold || (samples >= threshold && now - since >= ms);
}

/** All that names an entry for removal, as text, and what it was made from. */
function keyOf({ orig, key }: DetailedEntry): string {
	const { reply, id, zone } = key;
	return `${orig.src} ${orig.sport} ${String.fromCharCode(...reply)} ${id} ${zone}`;
}

function add(
	sum: RemovalCount,
	{ done, expired: gone, failed }: RemovalCount,
): void {
	sum.done += done;
	sum.expired += gone;
	for (const [errno, n] of failed)
		sum.failed.set(errno, (sum.failed.get(errno) ?? 0) + n);
}
