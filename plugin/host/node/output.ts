// Standard output, which is waited for, and standard error, which is not: it may
// be a pipe whose reader has stopped for good.

import * as fs from "node:fs";
import { call, isErrno, waiting } from "./errors.ts";

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

/** What a write to standard error goes to; opened when there is something to say. */
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
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
		}
}

/** Node has no poll(): a pipe is opened anew, so that only we see it non-blocking. */
function openStderr(): number {
	try {
		const { O_WRONLY, O_NONBLOCK } = fs.constants;
		if (fs.fstatSync(2).isFIFO())
			return fs.openSync("/proc/self/fd/2", O_WRONLY | O_NONBLOCK);
	} catch {
		// closed, or its reader is gone: writing will say so
	}
	return 2;
}
