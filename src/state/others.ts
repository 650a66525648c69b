// The recorded attachments that shield entries from a verb's ADD or DEL: those of pods
// that still exist. It is apart from store.ts, because a DEL that only marks its own
// record does without it.

import { attempt, type Context } from "../context.ts";
import {
	type Attachment,
	type AttachmentID,
	isSame,
} from "../policy/mapping.ts";
import { hasEnded } from "./namespace.ts";
import { everyRecord, recordedAttachments } from "./store.ts";

/** Returns the other attachments whose records contain one of `words` and whose pods are gone: their DEL never came, or could not do all. */
export function endedOthers(
	context: Context,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	const { host, dataDir } = context;
	const found = attempt(context, "cannot read the attachments", () =>
		everyRecord(host, dataDir, words),
	);
	return (found ?? []).filter(
		(a) => !isSame(a, id) && (a.unfinished || hasEnded(host, a)),
	);
}

/**
 * Returns the living attachments other than `id` whose records contain one of `words`.
 * If the records cannot be read, that is logged and there are none.
 */
export function othersThan(
	context: Context,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	const { host, dataDir } = context;
	const found = attempt(context, "cannot read the attachments", () =>
		recordedAttachments(host, dataDir, words),
	);
	return (found ?? []).filter((a) => !isSame(a, id) && !hasEnded(host, a));
}
