// One line per event, logfmt, to standard error or a file: stdout belongs to
// CNI. A log that cannot be written is given up silently; nothing may fail for it.

import type { Host } from "./host.ts";

export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];
export type Fields = Readonly<
	Record<string, string | number | boolean | undefined>
>;

/** Writes `level=… msg=… key=value …`; undefined values are left out. */
export type Log = (level: Level, msg: string, fields: Fields) => void;

/** A log of `least` and above, to the file if one is named; every line ends with `common`. */
export function logger(
	host: Host,
	least: Level,
	file: string | undefined,
	common: Fields,
): Log {
	const floor = LEVELS.indexOf(least);
	return (level, msg, fields) => {
		if (LEVELS.indexOf(level) < floor) return;
		const line = `${format({ level, msg, ...common, ...fields })}\n`;
		try {
			if (file !== undefined) return host.appendFile(file, line, 0o640);
		} catch {
			// then to standard error
		}
		try {
			host.write(2, line);
		} catch {
			// closed; there is nobody to tell
		}
	};
}

/**
 * What was thrown, in words. The engine throws null where no memory is left for an
 * error.
 */
export function wordsOf(thrown: unknown): string {
	return thrown === null ? "out of memory" : String(thrown);
}

/** The same log, for what has one cause: of its lines the first is written. */
export function once(log: Log): Log {
	let isTold = false;
	return (...line) => {
		if (!isTold) log(...line);
		isTold = true;
	};
}

function format(fields: Fields): string {
	return Object.entries(fields)
		.filter(([, value]) => value !== undefined)
		.map(([key, value]) => `${key}=${quote(String(value))}`)
		.join(" ");
}

// names come from outside: control characters must not make a second line
function quote(value: string): string {
	if (/^[\w./:,@+-]+$/.test(value)) return value;
	// JSON leaves these as they are; a terminal or a log reader may not, and the
	// last two ranges show the line in another order
	return JSON.stringify(value).replace(
		/[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
		(c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}
