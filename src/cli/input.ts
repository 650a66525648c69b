// What a FILE stands for: `-` and /dev/stdin for standard input, also what a shell
// makes of `<(command)`.

import { type Host, MAX_DOCUMENT } from "../host.ts";

/** The text. Throws SysError. */
export function readInput(host: Host, path: string): string {
	// also where it is a socket, which has no name to open
	if (path === "-" || path === "/dev/stdin") return host.stdin();
	return isStream(host, path)
		? host.full().readStream(path)
		: host.readFile(path, MAX_DOCUMENT);
}

/** Whether it can be read but once. Throws SysError if it is not there. */
export function isStream(host: Host, path: string): boolean {
	if (path === "-" || path === "/dev/stdin") return true;
	return host.full().stat(path).kind === "other";
}
