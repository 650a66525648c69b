// Locks of files, with the behaviour of plugin/host/native/src/locks.rs.

import * as fs from "node:fs";
import type { LockWatch } from "../../../src/host.ts";
import { call, E, isErrno, pause, sysError } from "./errors.ts";
import { flockOf, kernelCall, mkfifoOf, POLLHUP, polled } from "./libc.ts";

const C = fs.constants;

// sys/file.h
const LOCK_EX = 2;
const LOCK_NB = 4;

/** Takes the lock, which lives as long as the descriptor. It polls, because a timer cannot interrupt a call that blocks. */
export function flock(
	path: string,
	timeoutMs: number,
	asFIFO = false,
): () => void {
	// if it cannot be made, it is there already or becomes a file
	if (asFIFO) mkfifoOf(path, 0o600);
	const flags = C.O_RDWR | C.O_CREAT | C.O_NOFOLLOW;
	const fd = call("open", path, () => fs.openSync(path, flags, 0o600));
	const end = performance.now() + timeoutMs;
	for (;;)
		try {
			kernelCall("flock", path, () => flockOf(fd, LOCK_EX | LOCK_NB));
			break;
		} catch (e) {
			if (!isErrno(e) || e.code !== "EAGAIN" || performance.now() >= end) {
				fs.closeSync(fd);
				throw e;
			}
			pause();
		}
	return closer(fd);
}

export function watchLock(path: string): LockWatch {
	const flags = C.O_RDONLY | C.O_NONBLOCK | C.O_NOFOLLOW;
	const fd = call("open", path, () => fs.openSync(path, flags));
	const close = closer(fd);
	if (!fs.fstatSync(fd).isFIFO()) {
		close();
		throw sysError("open", E.EINVAL, path);
	}
	return {
		// A writer who had left before it was opened is told of by a read alone. The end of
		// the last one comes unasked.
		wait: async (ms) =>
			isAtEnd(fd) || ((await polled(fd, 0, ms)) & POLLHUP) !== 0,
		close,
	};
}

/** Returns what closes the descriptor once. */
function closer(fd: number): () => void {
	let isOpen = true;
	return () => {
		if (isOpen) fs.closeSync(fd);
		isOpen = false;
	};
}

/** Returns true if nobody has the FIFO open for writing. */
function isAtEnd(fd: number): boolean {
	try {
		return fs.readSync(fd, new Uint8Array(1)) === 0;
	} catch (e) {
		if (isErrno(e) && e.code === "EAGAIN") return false;
		throw e;
	}
}
