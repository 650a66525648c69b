// Turns Node's errors into the SysError that both hosts throw.

import { constants } from "node:os";
import { getSystemErrorMap } from "node:util";
import type { SysError } from "../../../src/host.ts";

export const E = constants.errno;

export function sysError(
	syscall: string,
	errno: number,
	path?: string,
): SysError {
	const known = getSystemErrorMap().get(-errno);
	const [name, text] = known ?? ["unknown", "unknown"];
	// one number has two names, and the native host uses the other one
	const code = name === "ENOTSUP" ? "EOPNOTSUPP" : name;
	const what = path === undefined ? syscall : `${syscall} ${path}`;
	return Object.assign(new Error(`${what}: ${text} (${code})`), {
		name: "SysError",
		code,
		errno,
		syscall,
		...(path !== undefined && { path }),
	});
}

/** The path that a call is about, or undefined for a call about a descriptor. */
export type Path = string | undefined;

export function isErrno(
	e: unknown,
): e is NodeJS.ErrnoException & { errno: number } {
	return e instanceof Error && "errno" in e && typeof e.errno === "number";
}

/** Calls `f` and throws its error as a SysError, under the kernel's name of the call. */
export function call<T>(syscall: string, path: Path, f: () => T): T {
	try {
		return f();
	} catch (e) {
		if (isErrno(e)) throw sysError(syscall, Math.abs(e.errno), path);
		// Node refuses a NUL itself; the kernel would cut the path there
		if (path?.includes("\0")) throw sysError(syscall, E.EINVAL, path);
		throw e;
	}
}

/** Calls `f` as `call` does, and again while a descriptor that somebody made non-blocking is not ready. */
export function waiting<T>(syscall: string, path: Path, f: () => T): T {
	for (;;) {
		try {
			return call(syscall, path, f);
		} catch (e) {
			if (!isErrno(e) || e.code !== "EAGAIN") throw e;
			pause();
		}
	}
}

/** Waits for a millisecond, and lets nothing else of the program run. */
export function pause(): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
