// What was counted since the agent started: the journal's lines, added up.

import { protocolName } from "../net/proto.ts";
import { errnoName } from "../netlink/nl.ts";
import type { SpoolLine } from "../state/spool.ts";

/** Upper bounds in seconds. A flush that finds nothing takes less than the first, and none more than the last but by a little. */
export const BUCKETS = [
	0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5,
] as const;

/** Values of labels, in the order that the family has them, joined by "\n". */
export type Labels = string;
export type Count = Map<Labels, number>;

export interface Histogram {
	/** How many were at most as long, by bucket. */
	readonly buckets: number[];
	sum: number;
	count: number;
}

export interface Totals {
	/** By event and way. */
	readonly flushes: Count;
	/** By outcome. */
	readonly entries: Count;
	/** By reason and protocol. */
	readonly stale: Count;
	/** Deleted or retired, by reason and protocol. */
	readonly removed: Count;
	/** By cause. */
	readonly failures: Count;
	/** By event. */
	readonly durations: Map<Labels, Histogram>;
}

/** Of the verbs, for which udp is the default. */
const REASONS = ["dead-pod", "no-dnat", "other-pod", "other-port"] as const;
const OUTCOMES = ["deleted", "retired", "gone", "kept", "refused"] as const;

export function noTotals(): Totals {
	return {
		flushes: new Map(),
		// there from the beginning, so that a first removal shows as an increase
		entries: new Map(OUTCOMES.map((outcome) => [outcome, 0])),
		stale: new Map(),
		removed: new Map(REASONS.map((reason) => [`${reason}\nudp`, 0])),
		failures: new Map(),
		durations: new Map(),
	};
}

/** Adds the lines of a journal. Those that are none, cut or foreign, are passed over. */
export function addLines(totals: Totals, text: string): void {
	for (const line of text.split("\n")) {
		try {
			const parsed: unknown = JSON.parse(line);
			if (isLine(parsed)) add(totals, parsed);
		} catch {
			// the last one is empty
		}
	}
}

function add(totals: Totals, line: SpoolLine): void {
	const [event, how, ms, deleted, retired, gone, kept] = line;
	const [, , , , , , , verdicts, failed, cause] = line;
	increase(totals.flushes, `${event}\n${how}`, 1);
	const outcomes = { deleted, retired, gone, kept };
	for (const [outcome, n] of Object.entries(outcomes))
		increase(totals.entries, outcome, n);
	for (const [verdict, n] of Object.entries(verdicts))
		increase(totals.stale, labelsOf(verdict), n);
	for (const [verdict, n] of shares(verdicts, deleted + retired))
		increase(totals.removed, labelsOf(verdict), n);
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

function labelsOf(verdict: string): Labels {
	const [reason = "", proto = ""] = verdict.split("/");
	return `${reason}\n${proto === "" ? "unknown" : protocolName(Number(proto))}`;
}

/** What a kernel flush removes leads to a pod that goes; of which protocol, the kernel does not say. */
const UNTOLD = "dead-pod/";

/**
 * `removed` by verdict. Where some of the entries were gone already, or refused,
 * it is not known which: then each verdict has its share, and the sum is right.
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
	return left > 0 ? [...found, [UNTOLD, left]] : found;
}

function observe({ durations }: Totals, event: string, seconds: number): void {
	let h = durations.get(event);
	if (!h) {
		h = { buckets: BUCKETS.map(() => 0), sum: 0, count: 0 };
		durations.set(event, h);
	}
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
	const [event, how, ms, deleted, retired, gone, kept] = x;
	const [, , , , , , , verdicts, failed, cause] = x;
	return (
		typeof event === "string" &&
		typeof how === "string" &&
		[ms, deleted, retired, gone, kept].every(isCount) &&
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
