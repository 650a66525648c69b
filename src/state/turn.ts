// The turn of a pass over the table: a lock beside the records, which a verb takes before
// it looks, and the directory of those who wait for it (queue.ts). Every verb with work
// loads this file. The lock is a FIFO, so that the kernel tells those who wait of its end.

import { type Host, isSysError } from "../host.ts";

/** Whoever makes a pass for a verb holds the lock of this file. */
export function turnPath(dataDir: string): string {
	return `${dataDir}/turn`;
}

/** The lock of who makes a pass where the turn is held for too long. */
export function secondTurnPath(dataDir: string): string {
	return `${dataDir}/turn.2`;
}

/** The directory of requests that wait. */
export function queueDir(dataDir: string): string {
	return `${dataDir}/queue`;
}

/** A lock that somebody else holds; undefined stands for one that cannot be had at all. */
export const TAKEN = "taken";
type Release = () => void;

/** Takes the lock of a file. Never throws. */
export function tryLock(
	host: Host,
	path: string,
): Release | typeof TAKEN | undefined {
	try {
		return host.flock(path, 0, true);
	} catch (e) {
		return isSysError(e) && e.code === "EAGAIN" ? TAKEN : undefined;
	}
}

/** Returns true if somebody may wait. Never throws. */
export function hasQueue(host: Host, dataDir: string): boolean {
	try {
		// an exception for an absent directory would cost every verb more than making one
		host.mkdir(queueDir(dataDir), 0o700);
		return host.readDir(queueDir(dataDir)).length > 0;
	} catch {
		return false;
	}
}
