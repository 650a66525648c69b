// Standard output, which is waited for, and standard error, which is not, because it
// may be a pipe whose reader has stopped for good.

import * as fs from "node:fs";
import { call, isErrno, pause, waiting } from "./errors.ts";

const PATIENCE_MS = 100;

export function write(fd: 1 | 2, text: string): void {
	if (fd === 2) {
		complain(text);
		return;
	}
	let bytes = Buffer.from(text);
	while (bytes.length > 0)
		bytes = bytes.subarray(
			waiting("write", undefined, () => fs.writeSync(1, bytes)),
		);
}

/** The descriptor for standard error, opened by the first write. */
let stderr: number | undefined;
let isStuck = false;

function complain(text: string): void {
	stderr ??= openStderr();
	const fd = stderr;
	const end = Date.now() + (isStuck ? 0 : PATIENCE_MS);
	for (let bytes = Buffer.from(text); bytes.length > 0; )
		try {
			bytes = bytes.subarray(
				call("write", undefined, () => fs.writeSync(fd, bytes)),
			);
		} catch (e) {
			if (!isErrno(e) || e.code !== "EAGAIN") throw e;
			isStuck = Date.now() >= end;
			if (isStuck) return;
			pause();
		}
}

/** Opens a pipe anew, so that it is non-blocking for us alone: Node has no poll(). */
function openStderr(): number {
	try {
		const { O_WRONLY, O_NONBLOCK } = fs.constants;
		if (fs.fstatSync(2).isFIFO())
			return fs.openSync("/proc/self/fd/2", O_WRONLY | O_NONBLOCK);
	} catch {
		// it is closed or has no reader: the write will throw that
	}
	return 2;
}
