// The terminal that a descriptor is.

import { isatty } from "node:tty";

export function columns(fd: 1 | 2): number | undefined {
	// asked first: Node's stream would make a pipe non-blocking
	if (!isatty(fd)) return undefined;
	return (fd === 1 ? process.stdout : process.stderr).columns ?? 0;
}
