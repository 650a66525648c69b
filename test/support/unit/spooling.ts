// The way of a report from a verb to the agent's totals, for the tests of each step.

import { logReport, type Report } from "../../../src/flush/report.ts";
import { collect } from "../../../src/metrics/collect.ts";
import type { Gauges } from "../../../src/metrics/text.ts";
import { noTotals, type Totals } from "../../../src/metrics/totals.ts";
import { type FakeHost, fakeHost } from "../fakehost.ts";

export const DIR = "/run/cni/conntrack-flush";
export const SPOOL = `${DIR}/metrics/journal`;

/** A node that knows nothing of itself. */
export const GAUGES: Gauges = {
	version: "1.2.3",
	installed: true,
	configured: false,
	statistics: undefined,
	attachments: undefined,
	left: 0,
	usable: true,
};

/** The report of a scan that found nothing, with this change. */
export function report(change: Partial<Report> = {}): Report {
	return {
		how: "scan",
		deleted: 0,
		retired: 0,
		expired: 0,
		kept: 0,
		keptByRules: 0,
		scanned: { entries: 0, kept: 0, undecodable: 0 },
		reasons: new Map(),
		verdicts: new Map(),
		failed: new Map(),
		ms: 1,
		error: undefined,
		...change,
	};
}

/** Appends the report to the host's spool, as a verb does. */
export function spool(
	host: FakeHost,
	change: Partial<Report> = {},
	event = "DEL",
): void {
	const log = (): void => {};
	logReport({ host, dataDir: DIR, event, log }, report(change));
}

/** Returns the spool that these reports make. */
export function spooled(...changes: readonly Partial<Report>[]): string {
	const host = fakeHost({ directories: [`${DIR}/metrics`] });
	for (const change of changes) spool(host, change);
	return host.files.get(SPOOL) ?? "";
}

/** Returns the totals of an agent that has collected these reports. */
export function collected(
	event: string,
	...changes: readonly Partial<Report>[]
): Totals {
	const host = fakeHost({ directories: [`${DIR}/metrics`] });
	for (const change of changes) spool(host, change, event);
	const totals = noTotals();
	collect(host, DIR, totals);
	collect(host, DIR, totals);
	return totals;
}
