// The executable in the directory of the plugins. The executable that is there may
// be running, so it is replaced by a rename and never opened for writing. Which
// directories these are is decided in paths.ts.

import { type FullHost, isNotFound } from "../host.ts";
import { TYPE } from "./conflist.ts";
import { removeFile, removeTemporaries, replace } from "./files.ts";

/** The file that this process was started from. It can be read even after its name was deleted. */
const SELF = "/proc/self/exe";
const MODE = 0o755;

export type Copied = "unchanged" | "installed" | "replaced";

export function pathIn(dir: string): string {
	return `${dir}/${TYPE}`;
}

/** Puts this executable into the directory, unless an identical one is there. Throws SysError. */
export function copyInto(host: FullHost, dir: string): Copied {
	const path = pathIn(dir);
	const found = compare(host, path);
	removeTemporaries(host, dir);
	if (found === "same") return "unchanged";
	replace(host, path, (temporary) => host.copyFile(SELF, temporary, MODE));
	return found === "other" ? "replaced" : "installed";
}

/** Tells if this very executable is at the path, another one, or none. A file that nobody may execute is another one. */
export function compare(
	host: FullHost,
	path: string,
): "same" | "other" | "none" {
	try {
		if ((host.stat(path).mode & 0o111) === 0) return "other";
		const there = host.readBytes(path);
		return isEqual(there, host.readBytes(SELF)) ? "same" : "other";
	} catch (e) {
		if (isNotFound(e)) return "none";
		throw e;
	}
}

/** Removes the executable and our temporaries. Returns false if there was no executable. */
export function removeFrom(host: FullHost, dir: string): boolean {
	removeTemporaries(host, dir);
	return removeFile(host, pathIn(dir));
}

/** Compares by words of four bytes: these are some megabytes, and this is an interpreter. */
function isEqual(a: Uint8Array, b: Uint8Array): boolean {
	if (a.length !== b.length) return false;
	const whole = a.length & ~3;
	const x = new Uint32Array(a.buffer, a.byteOffset, whole / 4);
	const y = new Uint32Array(b.buffer, b.byteOffset, whole / 4);
	for (let i = 0; i < x.length; i++) if (x[i] !== y[i]) return false;
	for (let i = whole; i < a.length; i++) if (a[i] !== b[i]) return false;
	return true;
}
