// The agent's side of the journal. A file is read one fold after verbs have
// stopped to write to it, so that nothing is lost of a verb that had opened it.

import { type Host, isSysError } from "../host.ts";
import { spoolDir, spoolPath } from "../state/spool.ts";
import { addLines, type Totals } from "./totals.ts";

/** Another agent may be at it, in an upgrade. */
const LOCK_MS = 1000;

/**
 * Adds what verbs have handed over to `totals`, up to the fold before this one;
 * from the first on they do. Folds must be further apart than a verb takes to
 * write a line that it has begun. Throws SysError.
 */
export function collect(host: Host, dataDir: string, totals: Totals): void {
	host.mkdir(spoolDir(dataDir), 0o700);
	const unlock = host.flock(`${spoolDir(dataDir)}/lock`, LOCK_MS);
	try {
		const current = spoolPath(dataDir);
		const closed = `${current}.1`;
		const text = ifThere(() => read(host, closed));
		if (text !== undefined) {
			host.unlink(closed);
			addLines(totals, text);
		}
		ifThere(() => host.rename(current, closed));
	} finally {
		unlock();
	}
}

/** What no verb wrote is as good as empty. */
function read(host: Host, path: string): string {
	try {
		return host.readFile(path);
	} catch (e) {
		if (isSysError(e) && e.code === "EILSEQ") return "";
		throw e;
	}
}

function ifThere<T>(f: () => T): T | undefined {
	try {
		return f();
	} catch (e) {
		if (isSysError(e) && e.code === "ENOENT") return undefined;
		throw e;
	}
}
