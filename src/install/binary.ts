// The executable in the directory of the plugins. The one that is there may be
// running: it is replaced by a rename and never opened for writing.

import { type FullHost, isAbsent } from "../host.ts";
import { TYPE } from "./conflist.ts";
import { removeFile, removeTemporaries, replace } from "./files.ts";

/** The file that this process was started from, also if its name is gone. */
const SELF = "/proc/self/exe";
const MODE = 0o755;

export type Copied = "unchanged" | "installed" | "replaced";

export function pathIn(dir: string): string {
	return `${dir}/${TYPE}`;
}

/** Puts this executable into the directory, unless it is there byte by byte. Throws SysError. */
export function copyInto(host: FullHost, dir: string): Copied {
	const path = pathIn(dir);
	const found = compare(host, path);
	removeTemporaries(host, dir);
	if (found === "same") return "unchanged";
	replace(host, path, (temporary) => host.copyFile(SELF, temporary, MODE));
	return found === "other" ? "replaced" : "installed";
}

/** Whether this very executable is there, another one, or none. */
export function compare(
	host: FullHost,
	path: string,
): "same" | "other" | "none" {
	try {
		if ((host.stat(path).mode & 0o111) === 0) return "other";
		const there = host.readBytes(path);
		return isEqual(there, host.readBytes(SELF)) ? "same" : "other";
	} catch (e) {
		if (isAbsent(e)) return "none";
		throw e;
	}
}

/** False if there was none. */
export function removeFrom(host: FullHost, dir: string): boolean {
	removeTemporaries(host, dir);
	return removeFile(host, pathIn(dir));
}

/** By words: some megabytes, in an interpreter. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	const whole = a.length & ~3;
	const x = new Uint32Array(a.buffer, a.byteOffset, whole / 4);
	const y = new Uint32Array(b.buffer, b.byteOffset, whole / 4);
	for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
	for (let i = whole; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}
