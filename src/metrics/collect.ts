// The agent's side of the spool, which verbs append to (state/spool.ts). A file is read
// one collection after verbs have stopped to write to it, so that nothing is lost of a
// verb that had opened it.

import { type Host, isSysError } from "../host.ts";
import { spoolDir, spoolPath } from "../state/spool.ts";
import { addLines, type Totals } from "./totals.ts";

/** In an upgrade another agent may hold the lock. */
const LOCK_MS = 1000;

/**
 * Adds to `totals` what verbs have appended until the collection before this one. They
 * append from the first collection on. Two collections must be further apart than a
 * verb takes to write a line that it has begun. Throws SysError.
 */
export function collect(host: Host, dataDir: string, totals: Totals): void {
	host.mkdir(spoolDir(dataDir), 0o700);
	const unlock = host.flock(`${spoolDir(dataDir)}/lock`, LOCK_MS);
	try {
		const current = spoolPath(dataDir);
		const closed = `${current}.1`;
		const text = ifThere(() => readText(host, closed));
		if (text !== undefined) {
			host.unlink(closed);
			addLines(totals, text);
		}
		ifThere(() => host.rename(current, closed));
	} finally {
		unlock();
	}
}

/** Returns the file's text, or "" if it is no text: then no verb wrote it. */
function readText(host: Host, path: string): string {
	try {
		return host.readFile(path);
	} catch (e) {
		if (isSysError(e) && e.code === "EILSEQ") return "";
		throw e;
	}
}

/** Returns what `f` returns, or undefined if its file does not exist. */
function ifThere<T>(f: () => T): T | undefined {
	try {
		return f();
	} catch (e) {
		if (isSysError(e) && e.code === "ENOENT") return undefined;
		throw e;
	}
}
