// The reports of several flushes as one, for commands that make more than one pass.

import type { Report } from "./report.ts";

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
