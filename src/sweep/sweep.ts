// The sweep: it removes TCP entries whose client sends its SYN again and again and never
// gets an answer. An entry that was made while no rule was there, or that leads to a
// dead pod, keeps the client from the service (kubernetes#101607). If each SYN renews
// the timer, that lasts as long as the client tries. Newer kernels do not renew it, and
// then it lasts two minutes (nf_conntrack_tcp_packet; found so on Linux 6.18).
//
// An entry has to go once it has swallowed as many retries as the threshold says: its
// timer was seen renewed so often, or it has been unanswered for the time in which a
// client sends that many. An entry that a sample does not show is no longer remembered.

import { IPS_SEEN_REPLY } from "../conntrack/constants.ts";
import { type DetailedEntry, readUnanswered } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack, type RemovalCount } from "../conntrack/table.ts";
import type { Host } from "../host.ts";
import { IPPROTO_TCP } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import type { Scope } from "./scope.ts";

const DEADLINE_MS = 30_000;
/** The most entries that are remembered, about 10 MB: a SYN flood must not fill the memory. */
const REMEMBERED = 20_000;

export interface Rule {
	readonly scope: Scope;
	/** The number of retries that an entry has swallowed before it goes. */
	readonly threshold: number;
	/** The most entries that one sample removes; the others wait for the next. */
	readonly cap: number;
	/** true: no entry is removed, and the result says which would have gone. */
	readonly dryRun: boolean;
}

/** The state of an entry that is remembered from sample to sample. */
interface Watched {
	/** The time when it was seen first. All times are in ms of the monotonic clock. */
	readonly since: number;
	/** The latest time at which the timer can end if it is not renewed. */
	ends: number;
	/** The number of samples that found the timer renewed. */
	renewals: number;
	/** The number of samples after the first. */
	samples: number;
	/** true: the current sample has shown it. */
	isHere: boolean;
	/** true: a dry run has said that it would go. */
	isTold: boolean;
}

/** The entries that are remembered between samples. The first sample gets an empty map. */
export type Memory = Map<string, Watched>;

export interface Swept {
	readonly entry: Entry;
	readonly renewals: number;
	/** The time for which it was seen unanswered. */
	readonly ms: number;
}

export interface SweepPass {
	/** The entries that had to go. */
	readonly swept: readonly Swept[];
	readonly outcome: RemovalCount;
	/** false: the scope covers no port, so nothing can be swept. */
	readonly hasScope: boolean;
	/** The number of waiting entries for which there was no room in the memory. */
	readonly overlooked: number;
}

/**
 * Takes one sample: looks at the table once, and removes the entries that have to go.
 * Throws NetlinkError, SysError or DeadlineError; then the memory keeps its entries.
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
						updateTimer(watched, entry, begun, now);
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
				// removed at once: the more time passes, the more likely a reply comes
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

/** Returns true if the client waits for its first answer. */
function isWaiting(e: DetailedEntry): boolean {
	return (
		e.proto === IPPROTO_TCP &&
		e.tcpState === "SYN_SENT" &&
		(e.status & IPS_SEEN_REPLY) === 0
	);
}

/**
 * Compares the timer with the samples before. The kernel read it between the moments
 * `from` and `to`, and shows whole seconds, rounded down. It was renewed if it ends
 * later than all earlier samples allow. This is never a guess, and renewals too near
 * to each other for one sample add up.
 */
function updateTimer(
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
 * Returns true if the entry has swallowed `threshold` retries. TCP waits a second for
 * its first retry, and twice as long for each one more (RFC 6298).
 */
function isDue(
	{ renewals, samples, since }: Watched,
	now: number,
	threshold: number,
): boolean {
	const ms = 1000 * (2 ** threshold - 1);
	return renewals >= threshold || (samples >= threshold && now - since >= ms);
}

/** Returns all that identifies an entry for removal, and its source, as a text. */
function keyOf({ orig, key }: DetailedEntry): string {
	const { reply, id, zone } = key;
	return `${orig.src} ${orig.sport} ${String.fromCharCode(...reply)} ${id} ${zone}`;
}

function add(sum: RemovalCount, { done, expired, failed }: RemovalCount): void {
	sum.done += done;
	sum.expired += expired;
	for (const [errno, n] of failed)
		sum.failed.set(errno, (sum.failed.get(errno) ?? 0) + n);
}
