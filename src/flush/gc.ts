// Garbage collection: attachments whose DEL never came. Their records are deleted, and
// the entries that still lead to them are removed.

import type { Context } from "../context.ts";
import { wordsOf } from "../log.ts";
import { Deadline, DeadlineError } from "../netlink/deadline.ts";
import {
	type Attachment,
	attachmentKey,
	isDeferred,
	isSame,
} from "../policy/mapping.ts";
import { noteDeparture } from "../state/departures.ts";
import { findAny } from "../state/foreign.ts";
import { hasEnded } from "../state/namespace.ts";
import { recordsAround } from "../state/others.ts";
import { deleteRecord } from "../state/store.ts";
import { delSearch } from "./delsearch.ts";
import { flush } from "./flush.ts";
import { failureOf, logReport } from "./report.ts";

/** A runtime that waits for its GC must not wait longer. */
const DEADLINE_MS = 5000;

/** The result of a garbage collection. */
export interface GarbageCount {
	/** Records that were deleted. */
	dropped: number;
	/** The failures. The records that they concern stay for the next time. */
	readonly errors: unknown[];
}

/**
 * Deletes every recorded attachment that `isValid` rejects, and removes the entries
 * that lead to it. `among`, if given, limits this to attachments that are still
 * recorded as they were then. What an unfinished DEL left is removed too, but not what
 * a DEL has just left to another plugin item. Entries that lead to a living attachment
 * stay; `others` returns those that may have no record, and is called only if there
 * are entries at all. One failure does not stop the rest. Throws SysError if the
 * directory of records cannot be read.
 */
export async function collectGarbage(
	context: Context,
	isValid: (a: Attachment) => boolean,
	among?: readonly Attachment[],
	others: () => readonly Attachment[] = () => [],
): Promise<GarbageCount> {
	const { host, dataDir } = context;
	const now = host.ticks();
	const deadline = new Deadline(host, DEADLINE_MS, context.begun);
	const count: GarbageCount = { dropped: 0, errors: [] };
	let recorded: readonly Attachment[];
	try {
		recorded = recordsAround(host, dataDir, [""], { deadline }).filter(
			(a) => !isDeferred(a, now),
		);
	} catch (e) {
		if (!(e instanceof DeadlineError)) throw e;
		count.errors.push(e);
		return count;
	}
	const addedAt =
		among &&
		new Map(among.map((a): [string, number] => [attachmentKey(a), a.added]));
	const isDead = (a: Attachment): boolean =>
		a.unfinished ||
		// nothing can be said of a record without its time
		(Number.isFinite(a.added) &&
			!isValid(a) &&
			(!addedAt || addedAt.get(attachmentKey(a)) === a.added));
	const dead = recorded.filter(isDead);
	const ended = new Set(dead.map(attachmentKey));
	const isLive = (a: Attachment): boolean =>
		// a dead attachment may still be cached
		!ended.has(attachmentKey(a)) && !hasEnded(host, a);
	if (dead.length === 0) return count;
	const going = {
		mappings: dead.flatMap((a) => a.mappings),
		podTargets: dead.flatMap((a) => a.podTargets),
	};
	const live = (): Attachment[] => [...recorded, ...others()].filter(isLive);
	const report = await flush(
		host,
		{
			action: "delete",
			prepare: (shared) => delSearch(going, live(), shared, context.log),
		},
		context.log,
		deadline,
	);
	logReport(context, report);
	const failure = failureOf(report);
	if (failure !== undefined) {
		count.errors.push(failure);
		return count;
	}
	for (const a of dead) {
		try {
			const now = findAny(host, dataDir, a);
			// an ADD has recorded the attachment anew in the meantime
			if (now !== undefined && !isUnchanged(a, now)) continue;
			deleteRecord(host, dataDir, a);
			count.dropped++;
			noteDeparture(host, dataDir, a);
		} catch (e) {
			count.errors.push(e);
		}
	}
	return count;
}

/** Returns true if both are the same record, not written again in between. */
function isUnchanged(a: Attachment, b: Attachment): boolean {
	return isSame(a, b) && a.added === b.added;
}

/** Does the rest of every unfinished DEL. Logs only failures, which are tried again the next time. */
export async function finishDels(context: Context): Promise<void> {
	const { errors } = await collectGarbage(context, () => true);
	for (const e of errors)
		context.log("warn", "cannot finish what a DEL began", {
			error: wordsOf(e),
		});
}
