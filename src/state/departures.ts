// Who has left the node: one line for each attachment that went, so that `list` can
// say since when an address has no pod. It is a memory for people, of bounded size. No
// verdict depends on it, and nothing fails because of it. departures.read.ts reads it.

import type { Host } from "../host.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";

/** The file of the latest lines, and the file of those before them. */
export function departureFiles(dataDir: string): readonly [string, string] {
	return [`${dataDir}/departed`, `${dataDir}/departed.1`];
}

/** About 600 pods in a file; two files remember at most twice as many. */
const MAX_SIZE = 64 << 10;

export type DepartureLine = readonly [
	/** Monotonic clock, ms. */
	at: number,
	pod: string | null,
	podIPs: readonly string[],
];

/** Appends a line for the attachment. Never throws. */
export function noteDeparture(
	host: Host,
	dataDir: string,
	a: Attachment,
): void {
	const ips = [...new Set(addressesOf(a))];
	const line: DepartureLine = [Math.round(host.ticks()), a.pod ?? null, ips];
	const [latest, before] = departureFiles(dataDir);
	try {
		const text = `${JSON.stringify(line)}\n`;
		const size = host.appendFile(latest, text, 0o600);
		if (size > MAX_SIZE) host.rename(latest, before);
	} catch {
		// nobody will be told when this pod left
	}
}
