// The entries that came back after a repair had removed them: one line for each frontend,
// for a person who asks the doctor. No verdict depends on it, and nothing fails because of
// it. It ends at boot.

import type { Host } from "../host.ts";

/** About a hundred lines; what comes after them says nothing new. */
const MAX_SIZE = 16 << 10;

/** Returns the file of the lines. */
export function returnedFile(dataDir: string): string {
	return `${dataDir}/returned`;
}

/** Appends a line such as `udp 203.0.113.9:6000 > 203.0.113.1:8125, to 10.88.0.2:5353`. Never throws. */
export function noteReturned(host: Host, dataDir: string, line: string): void {
	try {
		if (readReturned(host, dataDir).join("\n").length < MAX_SIZE)
			host.appendFile(returnedFile(dataDir), `${line}\n`, 0o600);
	} catch {
		// the log has it too
	}
}

/** Returns the lines, the oldest first; none if the file cannot be read. */
export function readReturned(host: Host, dataDir: string): string[] {
	try {
		const lines = host.readFile(returnedFile(dataDir)).split("\n");
		return lines.filter((line) => line !== "");
	} catch {
		return [];
	}
}
