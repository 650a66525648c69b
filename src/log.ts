// The log: one line of logfmt or JSON for each event, to standard error or a file, because
// stdout belongs to CNI. Only a file's lines have the time: a runtime adds its own. A log
// that cannot be written is given up silently, because nothing may fail for it.

import type { Host } from "./host.ts";

export const LEVELS = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof LEVELS)[number];
export type Fields = Readonly<
	Record<string, string | number | boolean | undefined>
>;

/** Writes `level=… msg=… key=value …`; undefined values are left out. */
export type Log = (level: Level, msg: string, fields: Fields) => void;

/** Returns a log for `least` and above. It writes to the file if one is named. Every line names `common`. */
export function logger(
	host: Host,
	least: Level,
	file: string | undefined,
	common: Fields,
	isJSON = false,
): Log {
	const floor = LEVELS.indexOf(least);
	return (level, msg, fields) => {
		if (LEVELS.indexOf(level) < floor) return;
		const line = (time?: string): string => {
			const all = { time, level, msg, ...common, ...fields };
			return `${isJSON ? printable(all) : format(all)}\n`;
		};
		try {
			if (file !== undefined) {
				// RFC 3339, in UTC
				const time = new Date(host.now()).toISOString();
				return host.appendFile(file, line(time), 0o640);
			}
		} catch {
			// the line goes to standard error
		}
		try {
			host.write(2, line());
		} catch {
			// standard error is closed: there is nobody to tell
		}
	};
}

/** Returns the words of anything that was thrown. The engine throws null if no memory is left for an error. */
export function wordsOf(thrown: unknown): string {
	return thrown === null ? "out of memory" : String(thrown);
}

/** Returns true for what the engine throws when its memory or its stack is used up: an InternalError, or null. */
export function isUsedUp(thrown: unknown): boolean {
	return (
		thrown === null ||
		(thrown instanceof Error && thrown.name === "InternalError")
	);
}

/** Returns the value as JSON, cut after `most` characters. JSON.stringify recurses, so a value may be too deep for it. */
export function jsonOf(value: unknown, most: number): string {
	try {
		const text = JSON.stringify(value) ?? "undefined";
		return text.length > most ? `${text.slice(0, most)}…` : text;
	} catch {
		return "a value that is nested too deeply";
	}
}

/** Returns the same log for lines that have one cause: only the first is written. */
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

/** Quotes a value if it needs it. Names come from outside, and their control characters must not make a second line. */
function quote(value: string): string {
	if (/^[\w./:,@+-]+$/.test(value)) return value;
	return printable(value);
}

/** Returns the value as JSON without the characters that a terminal or a log reader may obey: JSON leaves them as they are. The last two ranges would show the line in another order. */
function printable(value: unknown): string {
	return JSON.stringify(value).replace(
		/[\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
		(c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}
