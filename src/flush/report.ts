// The report of a flush: its counts, the error that kept it from its work, and the
// line that is logged about it.

import type { Context } from "../context.ts";
import { isSysError } from "../host.ts";
import { wordsOf } from "../log.ts";
import { errnoName } from "../netlink/errno.ts";
import { appendToSpool } from "../state/spool.ts";
import type { PassCount } from "./find.ts";
import type { RemovalReason } from "./search.ts";

export interface Report extends PassCount {
	/** A kernel flush tells no number; after one, this is by how many entries the table shrank. */
	deleted: number;
	retired: number;
	/** Entries judged stale that ended or were replaced before they could be removed. */
	expired: number;
	/** Those of the kept entries that the predicate called stale and the rules did not. */
	keptByRules: number;
	/** How many requests the pass has served, if it was more than this one. */
	shared?: number;
	/** Of a flush that gave up: how many other requests waited. */
	waiting?: number;
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

export function emptyReport(): Report {
	return {
		how: "nothing",
		deleted: 0,
		retired: 0,
		expired: 0,
		kept: 0,
		keptByRules: 0,
		scanned: { entries: 0, kept: 0, undecodable: 0 },
		reasons: new Map(),
		verdicts: new Map(),
		failed: new Map(),
		ms: 0,
		error: undefined,
	};
}

/** Returns the report with what follows from its counts. `ms` is the time that the flush took. */
export function finished(report: Report, ms: number): Report {
	report.kept += report.scanned.kept;
	for (const [verdict, n] of report.verdicts) {
		const reason = verdict.slice(0, verdict.indexOf("/")) as RemovalReason;
		report.reasons.set(reason, (report.reasons.get(reason) ?? 0) + n);
	}
	report.ms = ms;
	return report;
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

/** Logs one line about a flush, and hands its counts to an agent. */
export function logReport(context: Context, report: Report): void {
	spool(context, report);
	const { how, failed, scanned, error } = report;
	const level = error !== undefined || failed.size > 0 ? "warn" : "info";
	// of a kernel flush, only the kernel knows which entries it looked at, and how many it deleted
	const looked = how !== "kernel-flush";
	// what a shared pass has kept is not known for each request
	const isOwn = report.shared === undefined;
	const reasons = [...report.reasons].map(([reason, n]) => `${reason}:${n}`);
	context.log(level, error === undefined ? "flushed" : "cannot flush", {
		how,
		deleted: looked ? report.deleted : undefined,
		// entries that packets hold leave the count later, so 0 would say nothing
		shrank: looked ? undefined : report.deleted || undefined,
		kept: looked && isOwn ? report.kept : undefined,
		keptByRules: report.keptByRules || undefined,
		gone: looked ? report.expired : undefined,
		retired: report.retired || undefined,
		scanned: looked ? scanned.entries : undefined,
		undecodable: scanned.undecodable || undefined,
		refused: refusals(failed) || undefined,
		reasons: (looked && reasons.join(",")) || undefined,
		shared: report.shared,
		waiting: report.waiting,
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
