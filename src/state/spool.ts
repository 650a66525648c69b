// How verbs hand their counts to an agent: one line for each flush in a file that the
// agent collects (metrics/collect.ts). Nothing is written unless an agent has made the
// directory. If the agent has gone, the file is deleted before it grows large. A line
// that cannot be written is lost silently, because it only counts.

import type { Host } from "../host.ts";

/** The directory is inside `dataDir`, and exists while an agent collects. */
export function spoolDir(dataDir: string): string {
	return `${dataDir}/metrics`;
}

/** The file that verbs append to. */
export function spoolPath(dataDir: string): string {
	return `${spoolDir(dataDir)}/journal`;
}

/** Room for about two thousand pods that come and go; an agent collects every few seconds. */
const MAX_SIZE = 512 << 10;

/** One flush. */
export type SpoolLine = readonly [
	event: string,
	how: string,
	/** With fractions. */
	ms: number,
	deleted: number,
	retired: number,
	expired: number,
	kept: number,
	/** By `reason/protocol number`. */
	verdicts: Readonly<Record<string, number>>,
	/** By errno. */
	failed: Readonly<Record<string, number>>,
	/** The error that ended the flush early: the name or number of an errno, or an error's name. */
	cause: string | number | null,
];

/** Appends a line. Never throws. */
export function appendToSpool(
	host: Host,
	dataDir: string,
	line: SpoolLine,
): void {
	const path = spoolPath(dataDir);
	try {
		const size = host.appendFile(path, `${JSON.stringify(line)}\n`, 0o600);
		if (size > MAX_SIZE) host.unlink(path);
	} catch {
		// no agent collects, or there is no room
	}
}
