// One installer at a time: two would overwrite each other's temporaries, and a
// watching one would undo what another does.

import { type Host, isSysError } from "../host.ts";
import type { Where } from "./paths.ts";
import { Refusal } from "./refusal.ts";

/** In the directory of records. */
export const LOCK = "install.lock";

/** The result lets others in. Throws Refusal after `timeoutMs`. */
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
