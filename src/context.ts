// The surroundings of a verb or a command: the system, the directory of its records,
// and its log.

import type { Host } from "./host.ts";
import { type Level, type Log, wordsOf } from "./log.ts";

export interface Context {
	readonly host: Host;
	readonly dataDir: string;
	readonly log: Log;
	/** The CNI verb or the command that is at work; metrics count by it. */
	readonly event: string;
	/** When the verb began, in ms of the monotonic clock: what it reads before it asks the kernel takes of its time too. */
	readonly begun?: number;
}

/**
 * Returns what `f` returns; logs what it throws and returns undefined. Records make a
 * verb more exact, and no verb fails because of them.
 */
export function attempt<T>(
	{ log }: Pick<Context, "log">,
	what: string,
	f: () => T,
	level: Level = "warn",
): T | undefined {
	try {
		return f();
	} catch (e) {
		log(level, what, { error: wordsOf(e) });
		return undefined;
	}
}
