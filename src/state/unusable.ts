// The plugin's own word that it cannot use conntrack: a file that holds the reason as long
// as STATUS finds it so. Runtimes call STATUS every few seconds, so the file is what tells a
// change from a repetition. `doctor` and the agent's metrics read it too, because they may
// have a capability that the plugin lacks.

import type { Host } from "../host.ts";
import { readRecord } from "./path.ts";

/** Returns the file of the reason. */
export function unusableFile(dataDir: string): string {
	return `${dataDir}/unusable`;
}

/** Returns the reason, or undefined if there is none or the file cannot be read. Never throws. */
export function readUnusable(host: Host, dataDir: string): string | undefined {
	try {
		return readRecord(host, unusableFile(dataDir))?.trim();
	} catch {
		return undefined;
	}
}

/** Writes the reason. Throws SysError. */
export function noteUnusable(
	host: Host,
	dataDir: string,
	reason: string,
): void {
	host.mkdir(dataDir, 0o700);
	host.appendFile(unusableFile(dataDir), `${reason}\n`, 0o600);
}

/** Deletes the reason. Throws SysError, ENOENT if another call was quicker. */
export function forgetUnusable(host: Host, dataDir: string): void {
	host.unlink(unusableFile(dataDir));
}
