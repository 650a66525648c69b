// Who has left: a line for each attachment that went, so that of an entry which
// still leads to it can be said since when. A memory for people, of bounded size;
// nothing is decided by it, and nothing fails for it. departures.ts reads it.

import type { Host } from "../host.ts";
import { type Attachment, addressesOf } from "./store.ts";

/** The latest lines, and those before them. */
export function departedIn(dataDir: string): readonly [string, string] {
	return [`${dataDir}/departed`, `${dataDir}/departed.1`];
}

/** About 600 pods; twice as many are remembered at most. */
const MAX_SIZE = 64 << 10;

export type Line = readonly [
	at: number,
	pod: string | null,
	podIPs: readonly string[],
];

/** Remembers that the attachment has gone. Never throws. */
export function note(host: Host, dataDir: string, a: Attachment): void {
	const ips = [...new Set(addressesOf(a))];
	const line: Line = [Math.round(host.ticks()), a.pod ?? null, ips];
	const [latest, before] = departedIn(dataDir);
	try {
		const text = `${JSON.stringify(line)}\n`;
		const size = host.appendFile(latest, text, 0o600);
		if (size > MAX_SIZE) host.rename(latest, before);
	} catch {
		// then nobody will know
	}
}
