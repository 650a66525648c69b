// The recorded attachments that shield entries from a verb's ADD or DEL: those of pods
// that still exist. It is apart from store.ts, because a DEL that only marks its own
// record does without it.

import { attempt, type Context } from "../context.ts";
import type { Log } from "../log.ts";
import {
	type Attachment,
	type AttachmentID,
	isSame,
} from "../policy/mapping.ts";
import { hasEnded } from "./namespace.ts";
import { everyRecord } from "./store.ts";

export interface RecordsContext extends Context {
	/** Is told what is wrong with the records, if not the log. */
	readonly trouble?: Log;
	/** Reads the records that contain one of the words, if not from the directory each time. Throws SysError. */
	readonly records?: (words: readonly string[]) => readonly Attachment[];
}

/** Returns the other attachments whose records contain one of `words` and whose pods are gone: their DEL never came, or could not do all. */
export function endedOthers(
	context: RecordsContext,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	return read(context, words).filter(
		(a) => !isSame(a, id) && (a.unfinished || hasEnded(context.host, a)),
	);
}

/**
 * Returns the living attachments other than `id` whose records contain one of `words`.
 * If the records cannot be read, that is logged and there are none.
 */
export function othersThan(
	context: RecordsContext,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	return read(context, words).filter(
		(a) => !isSame(a, id) && !a.unfinished && !hasEnded(context.host, a),
	);
}

function read(
	context: RecordsContext,
	words: readonly string[],
): readonly Attachment[] {
	const { host, dataDir } = context;
	const { records = (words) => everyRecord(host, dataDir, words) } = context;
	const { trouble: log = context.log } = context;
	const found = attempt({ log }, "cannot read the attachments", () =>
		records(words),
	);
	return found ?? [];
}
