// The terminal behind a descriptor.

import { isatty } from "node:tty";

export function columns(fd: 0 | 1 | 2): number | undefined {
	// before the stream is touched, because Node's stream makes a pipe non-blocking
	if (!isatty(fd)) return undefined;
	// Node knows the width of outputs alone
	const output = fd === 0 && isatty(1) ? 1 : fd || 2;
	if (!isatty(output)) return 0;
	return (output === 1 ? process.stdout : process.stderr).columns ?? 0;
}
