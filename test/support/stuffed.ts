// Pipes that are full, with a reader that never reads: what a log that nobody
// takes away looks like to the one who writes it.

import { closeSync, constants, openSync, writeSync } from "node:fs";
import { mustSync } from "./exec.ts";

const { O_RDWR, O_WRONLY, O_NONBLOCK } = constants;
/** Kept open: a pipe without a reader is no full pipe. */
const readers: number[] = [];

/** Makes a full FIFO at `path`. */
export function stuff(path: string): void {
	mustSync(["mkfifo", path]);
	const fd = openSync(path, O_RDWR | O_NONBLOCK);
	readers.push(fd);
	for (const size of [4096, 1])
		try {
			for (;;) writeSync(fd, "x".repeat(size));
		} catch (e) {
			if ((e as NodeJS.ErrnoException).code !== "EAGAIN") throw e;
		}
}

/** Its writing end, where a write waits for ever: for a child's stdio. */
export function writerOf(path: string): number {
	return openSync(path, O_WRONLY);
}

/** For the end of a test file. */
export function closeAll(): void {
	for (const fd of readers.splice(0)) closeSync(fd);
}
