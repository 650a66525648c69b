// What the last hours were like, in memory: a bucket for each two minutes, and so many of
// them at most. It ends with the process.

import type { Counter, Counters, CPUCounters } from "../conntrack/counters.ts";
import { difference, type Statistics, sum } from "../conntrack/stats.ts";
import type { Host } from "../host.ts";
import type { Count, Labels } from "../metrics/totals.ts";

export const BUCKET_MS = 2 * 60_000;
/** Eight hours. */
export const MOST_BUCKETS = 240;
/** A spool with made-up words must not fill the memory: what comes after so many is counted together. */
const MOST_LABELS = 20;
const OTHERS: Labels = "other\nother\nother";

export interface Bucket {
	/** The number of the bucket since the machine's start; a number that is missing was not looked at. */
	readonly nth: number;
	/** When it began, in ms of the wall clock. */
	readonly at: number;
	/** The entries in the table when it was last looked at; undefined if the kernel did not say. */
	entries: number | undefined;
	/** What the kernel has counted in this time. */
	counted: Counters;
	/** The entries removed in this time, by event, reason and protocol. */
	readonly removed: Map<Labels, number>;
}

export interface LastHours {
	/** When it began, in ms of the wall clock. */
	readonly since: number;
	/** The oldest first. */
	readonly buckets: Bucket[];
	/** The counts at the last look, from which the next one is counted. */
	cpus: readonly CPUCounters[] | undefined;
	totals: ReadonlyMap<Labels, number>;
}

/** Returns a history that begins now. */
export function newLastHours(host: Host): LastHours {
	return {
		since: host.now(),
		buckets: [],
		cpus: undefined,
		totals: new Map(),
	};
}

/** Adds what has changed since the last call. `removals` only grows, as the totals do; `statistics` are undefined if the kernel cannot be asked. */
export function noteLastHours(
	history: LastHours,
	host: Host,
	statistics: Statistics | undefined,
	removals: Count,
): void {
	const bucket = bucketOf(history, host);
	if (statistics) {
		bucket.entries = statistics.entries;
		const before = history.cpus ?? statistics.cpus;
		const change = sum(difference(before, statistics.cpus));
		bucket.counted = added(bucket.counted, change);
		history.cpus = statistics.cpus;
	}
	for (const [labels, n] of removals) {
		const more = n - (history.totals.get(labels) ?? 0);
		if (more <= 0) continue;
		const { removed } = bucket;
		const isKnown = removed.has(labels) || removed.size < MOST_LABELS;
		const key = isKnown ? labels : OTHERS;
		removed.set(key, (removed.get(key) ?? 0) + more);
	}
	history.totals = new Map(removals);
}

/** Returns the bucket of this moment, and makes it if it is a new one. */
function bucketOf({ buckets }: LastHours, host: Host): Bucket {
	const nth = Math.floor(host.ticks() / BUCKET_MS);
	const last = buckets.at(-1);
	if (last?.nth === nth) return last;
	const bucket: Bucket = {
		nth,
		at: host.now(),
		entries: undefined,
		counted: {},
		removed: new Map(),
	};
	buckets.push(bucket);
	if (buckets.length > MOST_BUCKETS) buckets.shift();
	return bucket;
}

function added(a: Counters, b: Counters): Counters {
	const all: Partial<Record<Counter, number>> = { ...a };
	for (const [name, n] of Object.entries(b) as [Counter, number][])
		all[name] = (all[name] ?? 0) + n;
	return all;
}

/** Returns what was counted of one counter in all buckets. */
export function countedOf({ buckets }: LastHours, name: Counter): number {
	return buckets.reduce((all, { counted }) => all + (counted[name] ?? 0), 0);
}
