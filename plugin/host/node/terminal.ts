// The terminal behind a descriptor.

import { isatty } from "node:tty";

export function columns(fd: 1 | 2): number | undefined {
	// before the stream is touched, because Node's stream makes a pipe non-blocking
	if (!isatty(fd)) return undefined;
	return (fd === 1 ? process.stdout : process.stderr).columns ?? 0;
}
