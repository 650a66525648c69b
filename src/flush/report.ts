// The report of a flush: its counts, the error that kept it from its work, and the
// line that is logged about it.

import type { ScanCount } from "../conntrack/table.ts";
import type { Context } from "../context.ts";
import { isSysError } from "../host.ts";
import { wordsOf } from "../log.ts";
import { errnoName } from "../netlink/nl.ts";
import type { Plan } from "../policy/plan.ts";
import type { Reason } from "../policy/stale.ts";
import { appendToSpool } from "../state/spool.ts";

/** Why an entry is removed: a verdict of the predicate, or an explicit request. */
export type RemovalReason = Reason | "asked";

export interface Report {
	/** How the entries were found; "nothing" where the table is empty. */
	how: Plan["how"] | "nothing";
	/** A kernel flush tells no number; after one, this is by how many entries the table shrank. */
	deleted: number;
	retired: number;
	/** Entries judged stale that ended or were replaced before they could be removed. */
	expired: number;
	/** Entries of the same port that were judged healthy; unknown after a kernel flush. */
	kept: number;
	/** Those of the kept entries that the predicate called stale and the rules did not. */
	keptByRules: number;
	readonly scanned: ScanCount;
	/** Entries judged stale, by reason. */
	readonly reasons: Map<RemovalReason, number>;
	/** The same by `reason/protocol number`. */
	readonly verdicts: Map<string, number>;
	/** Removals that the kernel refused, by errno. */
	readonly failed: Map<number, number>;
	ms: number;
	/** The error that ended the flush early; stale entries may be left. */
	error: unknown;
}

/** Returns the error that kept a flush from removing every stale entry, or undefined. */
export function failureOf({ error, failed }: Report): unknown {
	if (error !== undefined || failed.size === 0) return error;
	return new Error(
		`the kernel refused to remove ${total(failed.values())} (${refusals(failed)})`,
	);
}

export function total(counts: Iterable<number>): number {
	return [...counts].reduce((sum, n) => sum + n, 0);
}

/** Names the removals that the kernel refused, by errno: `EBUSY:2,EPERM:1`. */
export function refusals(failed: ReadonlyMap<number, number>): string {
	return [...failed].map(([errno, n]) => `${errnoName(errno)}:${n}`).join(",");
}

/** Returns the report of two flushes as one. */
export function joinReports(a: Report, b: Report): Report {
	const scanned = {
		entries: a.scanned.entries + b.scanned.entries,
		kept: a.scanned.kept + b.scanned.kept,
		undecodable: a.scanned.undecodable + b.scanned.undecodable,
	};
	return {
		how: a.how === "nothing" ? b.how : a.how,
		deleted: a.deleted + b.deleted,
		retired: a.retired + b.retired,
		expired: a.expired + b.expired,
		kept: a.kept + b.kept,
		keptByRules: a.keptByRules + b.keptByRules,
		scanned,
		reasons: addCounts(a.reasons, b.reasons),
		verdicts: addCounts(a.verdicts, b.verdicts),
		failed: addCounts(a.failed, b.failed),
		ms: a.ms + b.ms,
		error: a.error ?? b.error,
	};
}

function addCounts<K>(a: ReadonlyMap<K, number>, b: ReadonlyMap<K, number>) {
	const sums = new Map(a);
	for (const [key, n] of b) sums.set(key, (sums.get(key) ?? 0) + n);
	return sums;
}

/** Logs one line about a flush, and hands its counts to an agent. */
export function logReport(context: Context, report: Report): void {
	spool(context, report);
	const { how, failed, scanned, error } = report;
	const level = error !== undefined || failed.size > 0 ? "warn" : "info";
	// of a kernel flush, only the kernel knows which entries it looked at
	const looked = how !== "kernel-flush";
	const reasons = [...report.reasons].map(([reason, n]) => `${reason}:${n}`);
	context.log(level, error === undefined ? "flushed" : "cannot flush", {
		how,
		deleted: report.deleted,
		kept: looked ? report.kept : undefined,
		keptByRules: report.keptByRules || undefined,
		gone: looked ? report.expired : undefined,
		retired: report.retired || undefined,
		scanned: looked ? scanned.entries : undefined,
		undecodable: scanned.undecodable || undefined,
		refused: refusals(failed) || undefined,
		reasons: reasons.join(",") || undefined,
		ms: Math.round(report.ms),
		error: error === undefined ? undefined : wordsOf(error),
	});
}

function spool({ host, dataDir, event }: Context, report: Report): void {
	appendToSpool(host, dataDir, [
		event,
		report.how,
		// to the microsecond: most flushes take less than a millisecond
		Math.round(report.ms * 1000) / 1000,
		report.deleted,
		report.retired,
		report.expired,
		report.kept,
		Object.fromEntries(report.verdicts),
		Object.fromEntries(report.failed),
		causeOf(report.error),
	]);
}

/** The name or number of an errno, or an error's name. */
function causeOf(e: unknown): string | number | null {
	if (e === undefined) return null;
	if (isSysError(e)) return e.code;
	if (!(e instanceof Error)) return "unknown";
	return "errno" in e && typeof e.errno === "number" ? e.errno : e.name;
}
