// The lock that lets one installer work at a time. Two installers would overwrite
// each other's temporaries, and one that watches would undo the other's work.

import { type Host, isSysError } from "../host.ts";
import type { Where } from "./paths.ts";
import { Refusal } from "./refusal.ts";

/** The lock's file, in the directory of records. */
export const LOCK = "install.lock";

/** Takes the lock. Returns a function that releases it. Throws Refusal if another installer holds it for `timeoutMs`, and SysError. */
export function lock(
	host: Host,
	{ root, dataDir }: Where,
	timeoutMs: number,
): () => void {
	const dir = root + dataDir;
	host.mkdir(dir, 0o700);
	try {
		return host.flock(`${dir}/${LOCK}`, timeoutMs);
	} catch (e) {
		if (!isSysError(e) || e.code !== "EAGAIN") throw e;
		throw new Refusal(
			"another installer is at work on this node",
			"An install --watch keeps things as they are: end it first, by deleting its DaemonSet.",
		);
	}
}
