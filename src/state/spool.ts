// How verbs hand their counts over to an agent: a line per flush in a file that
// the agent reads (metrics/fold.ts). Where no agent has made the directory,
// nothing is written; where the agent has gone, the file is thrown away before
// it gets large. What fails here fails silently: it is only for counting.

import type { Report } from "../flush/flush.ts";
import { type Host, isSysError } from "../host.ts";

/** Inside the directory of attachments; there is one while somebody counts. */
export function journalDir(dataDir: string): string {
	return `${dataDir}/metrics`;
}

/** Where the lines go. */
export function journalIn(dataDir: string): string {
	return `${journalDir(dataDir)}/journal`;
}

/** Two thousand pods that come and go; an agent reads every few seconds. */
const MAX_SIZE = 512 << 10;

/** What a line holds. */
export type Line = readonly [
	event: string,
	how: Report["how"],
	/** With fractions. */
	ms: number,
	deleted: number,
	retired: number,
	gone: number,
	kept: number,
	/** By `reason/protocol number`. */
	verdicts: Readonly<Record<string, number>>,
	/** By errno. */
	failed: Readonly<Record<string, number>>,
	/** What ended the flush early: the name or number of an errno, or an error's name. */
	cause: string | number | null,
];

/** Adds a flush to the journal. Never throws. */
export function handOver(
	{
		host,
		dataDir,
		event,
	}: { readonly host: Host; readonly dataDir: string; readonly event: string },
	report: Report,
): void {
	const line: Line = [
		event,
		report.how,
		// to the microsecond: most flushes take less than a millisecond
		Math.round(report.ms * 1000) / 1000,
		report.deleted,
		report.retired,
		report.gone,
		report.kept,
		Object.fromEntries(report.verdicts),
		Object.fromEntries(report.failed),
		causeOf(report.error),
	];
	const path = journalIn(dataDir);
	try {
		const size = host.appendFile(path, `${JSON.stringify(line)}\n`, 0o600);
		if (size > MAX_SIZE) host.unlink(path);
	} catch {
		// nobody counts, or there is no room
	}
}

function causeOf(e: unknown): Line[9] {
	if (e === undefined) return null;
	if (isSysError(e)) return e.code;
	if (!(e instanceof Error)) return "unknown";
	return "errno" in e && typeof e.errno === "number" ? e.errno : e.name;
}
