// Garbage collection: attachments whose DEL never came. Drops their records and
// removes what they left in the table.

import { wordsOf } from "../log.ts";
import { note } from "../state/departures.ts";
import type { Attachment } from "../state/store.ts";
import * as attachments from "../state/store.ts";
import { failureOf } from "./flush.ts";
import { leave, type Site } from "./onadd.ts";

/** What became of the records that are not valid. */
export interface Collected {
	dropped: number;
	/** What failed; those records stay, for the next time. */
	readonly errors: unknown[];
}

/**
 * Forgets every recorded attachment that `isValid` does not know; only those
 * `among` the given, if there are any, and only as they were then. Finishes what
 * a DEL could not. What leads to one of `others`, which are not recorded, stays.
 * Goes on where one fails. Throws SysError if the directory of records cannot be
 * read.
 */
export async function collect(
	site: Site,
	isValid: (a: Attachment) => boolean,
	among?: readonly Attachment[],
	others: readonly Attachment[] = [],
): Promise<Collected> {
	const recorded = attachments.everyRecord(site.host, site.dataDir);
	const isDead = (a: Attachment): boolean =>
		a.gone || (!isValid(a) && (among?.some((b) => isUnchanged(a, b)) ?? true));
	const dead = recorded.filter(isDead);
	const collected: Collected = { dropped: 0, errors: [] };
	if (dead.length === 0) return collected;
	const report = await leave(
		site,
		{
			mappings: dead.flatMap((a) => a.mappings),
			pods: dead.flatMap((a) => a.pods),
		},
		() => [...recorded.filter((a) => !isDead(a)), ...others],
		"delete",
	);
	const failure = failureOf(report);
	if (failure !== undefined) {
		collected.errors.push(failure);
		return collected;
	}
	for (const a of dead) {
		try {
			const now = attachments.find(site.host, site.dataDir, a);
			// an ADD in the meantime has made another of it
			if (now !== undefined && !isUnchanged(a, now)) continue;
			attachments.drop(site.host, site.dataDir, a);
			collected.dropped++;
			note(site.host, site.dataDir, a);
		} catch (e) {
			collected.errors.push(e);
		}
	}
	return collected;
}

/** Whether the two are one record, not written again in between. */
function isUnchanged(a: Attachment, b: Attachment): boolean {
	return attachments.isSame(a, b) && a.added === b.added;
}

/** Does what a DEL could not. Silent if that is nothing; what fails is logged, and tried again the next time. */
export async function finish(site: Site): Promise<void> {
	const { errors } = await collect(site, () => true);
	for (const e of errors)
		site.log("warn", "cannot finish what a DEL began", { error: wordsOf(e) });
}
