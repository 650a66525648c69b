// The counts since the agent started: the sums over the lines of the spool. How lines
// get here is in collect.ts, how Prometheus reads the sums in text.ts.

import { protocolName } from "../net/proto.ts";
import { errnoName } from "../netlink/errno.ts";
import type { SpoolLine } from "../state/spool.ts";

/** Upper bounds in seconds. A flush that finds nothing takes less than the first; no flush takes much more than the last. */
export const BUCKETS = [
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;

/** The values of a sample's labels, in the order of the metric's label names, joined by "\n". */
export type Labels = string;
export type Count = Map<Labels, number>;

export interface Histogram {
	/** How many flushes took at most the bucket's bound, by bucket. */
	readonly buckets: number[];
	sum: number;
	count: number;
}

export interface Totals {
	/** By event and by how the entries were found. */
	readonly flushes: Count;
	/** By outcome. */
	readonly entries: Count;
	/** By reason and protocol. */
	readonly stale: Count;
	/** Deleted or retired, by reason and protocol. */
	readonly removed: Count;
	/** The same by event, reason and protocol. */
	readonly removals: Count;
	/** By cause. */
	readonly failures: Count;
	/** By event. */
	readonly durations: Map<Labels, Histogram>;
}

/** What causes flushes on every node, and how they look for entries. */
const EVENTS = ["ADD", "DEL", "GC", "reconcile"] as const;
const WAYS = ["nothing", "kernel-flush", "filtered-dump", "scan"] as const;
/** The causes of failures that are known to happen. Others get a sample with their first failure. */
const CAUSES = [
	"EPERM",
	"ENOMEM",
	"EBUSY",
	"EAGAIN",
	"EINVAL",
	"EPROTONOSUPPORT",
	"ENOBUFS",
	"DeadlineError",
	"DecodeError",
] as const;
/** The reasons for which verbs remove entries. Their default protocol is udp. */
const REASONS = [
	"dead-pod",
	"begun-by-pod",
	"retired",
	"no-dnat",
	"other-pod",
	"other-port",
] as const;
const OUTCOMES = [
	"deleted",
	"shrank",
	"retired",
	"gone",
	"kept",
	"refused",
] as const;

/** Returns the totals of an agent that has just started. Their samples exist from the beginning, so that a first one shows as an increase. */
export function noTotals(): Totals {
	return {
		flushes: zeros(
			EVENTS.flatMap((event) => WAYS.map((how) => `${event}\n${how}`)),
		),
		entries: zeros(OUTCOMES),
		stale: zeros(REASONS.map((reason) => `${reason}\nudp`)),
		removed: zeros(REASONS.map((reason) => `${reason}\nudp`)),
		removals: new Map(),
		failures: zeros(CAUSES),
		durations: new Map(EVENTS.map((event) => [event, noDurations()])),
	};
}

function zeros(labels: readonly Labels[]): Count {
	return new Map(labels.map((label) => [label, 0]));
}

function noDurations(): Histogram {
	return { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
}

/** Adds the lines of a spool file. Lines that are cut or foreign are passed over. */
export function addLines(totals: Totals, text: string): void {
	for (const line of text.split("\n")) {
		try {
			const parsed: unknown = JSON.parse(line);
			if (isLine(parsed)) add(totals, parsed);
		} catch {
			// the text after the last line feed is empty
		}
	}
}

function add(totals: Totals, line: SpoolLine): void {
	const [event, how, ms, deleted, retired, expired, kept] = line;
	const [, , , , , , , verdicts, failed, cause] = line;
	increase(totals.flushes, `${event}\n${how}`, 1);
	// of a kernel flush nobody knows how many entries it deleted
	const removed = how === "kernel-flush" ? "shrank" : "deleted";
	// the label keeps its older word for expired entries: dashboards ask for it
	const outcomes = { [removed]: deleted, retired, gone: expired, kept };
	for (const [outcome, n] of Object.entries(outcomes))
		increase(totals.entries, outcome, n);
	for (const [verdict, n] of Object.entries(verdicts))
		increase(totals.stale, labelsOf(verdict), n);
	for (const [verdict, n] of shares(verdicts, deleted + retired)) {
		increase(totals.removed, labelsOf(verdict), n);
		increase(totals.removals, `${event}\n${labelsOf(verdict)}`, n);
	}
	for (const [errno, n] of Object.entries(failed)) {
		increase(totals.entries, "refused", n);
		increase(totals.failures, errnoName(Number(errno)), n);
	}
	if (cause !== null)
		increase(
			totals.failures,
			typeof cause === "number" ? errnoName(cause) : cause,
			1,
		);
	observe(totals, event, ms / 1000);
}

/** Returns the labels of `reason/protocol number`. */
function labelsOf(verdict: string): Labels {
	const [reason = "", proto = ""] = verdict.split("/");
	return `${reason}\n${proto === "" ? "unknown" : protocolName(Number(proto))}`;
}

/** The verdict on entries that a kernel flush removes: they lead to a dead pod. The kernel does not say of which protocol they are. */
const KERNEL_FLUSHED = "dead-pod/";

/**
 * Divides the number of removed entries among the verdicts. If some stale entries had
 * expired or were refused, nobody knows which. Then each verdict gets its share, and
 * the sum is right.
 */
function shares(
	verdicts: Readonly<Record<string, number>>,
	removed: number,
): [verdict: string, n: number][] {
	let rest = Object.values(verdicts).reduce((sum, n) => sum + n, 0);
	let left = removed;
	const found = Object.entries(verdicts).map(
		([verdict, n]): [string, number] => {
			const share = Math.min(n, Math.round((left * n) / (rest || 1)));
			left -= share;
			rest -= n;
			return [verdict, share];
		},
	);
	return left > 0 ? [...found, [KERNEL_FLUSHED, left]] : found;
}

function observe({ durations }: Totals, event: string, seconds: number): void {
	const h = durations.get(event) ?? noDurations();
	durations.set(event, h);
	for (const [i, bound] of BUCKETS.entries())
		if (seconds <= bound) h.buckets[i] = (h.buckets[i] ?? 0) + 1;
	h.sum += seconds;
	h.count++;
}

function increase(counts: Count, labels: Labels, by: number): void {
	counts.set(labels, (counts.get(labels) ?? 0) + by);
}

function isLine(x: unknown): x is SpoolLine {
	if (!Array.isArray(x) || x.length !== 10) return false;
	const [event, how, ms, deleted, retired, expired, kept] = x;
	const [, , , , , , , verdicts, failed, cause] = x;
	return (
		typeof event === "string" &&
		typeof how === "string" &&
		[ms, deleted, retired, expired, kept].every(isCount) &&
		isCounts(verdicts) &&
		isCounts(failed) &&
		(cause === null || typeof cause === "string" || isCount(cause))
	);
}

function isCounts(x: unknown): boolean {
	return typeof x === "object" && x !== null && Object.values(x).every(isCount);
}

function isCount(x: unknown): boolean {
	return typeof x === "number" && Number.isFinite(x) && x >= 0;
}
