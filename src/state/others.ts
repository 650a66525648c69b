// The recorded attachments that shield entries from a verb's ADD or DEL: those of pods
// that still exist. It is apart from store.ts, because a DEL that only marks its own
// record does without it.

import type { Context } from "../context.ts";
import type { Host } from "../host.ts";
import { isUsedUp, type Log, wordsOf } from "../log.ts";
import { parseIP } from "../net/ip.ts";
import { type Deadline, DeadlineError } from "../netlink/deadline.ts";
import {
	type Attachment,
	type AttachmentID,
	isSame,
} from "../policy/mapping.ts";
import { foreignAttachment, recordedIPs } from "./foreign.ts";
import { hasEnded } from "./namespace.ts";
import { everyRecord, isRecordName, type ReadingOptions } from "./store.ts";

/** It takes longer to look for each of more words than to read every record. */
const MANY = 64;

export interface RecordsContext extends Context {
	/** Is told what is wrong with the records, if not the log. */
	readonly trouble?: Log;
	/** Reads the records that contain one of the words, if not from the directory each time. Throws SysError or DeadlineError. */
	readonly records?: (words: readonly string[]) => readonly Attachment[];
	readonly deadline?: Deadline;
}

/** Returns the other attachments whose records contain one of `words` and whose pods are gone: their DEL never came, or could not do all. */
export function endedOthers(
	context: RecordsContext,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	return read(
		context,
		words,
		(a) =>
			!isSame(a, id) && (a.unfinished === true || hasEnded(context.host, a)),
	);
}

/**
 * Returns the living attachments other than `id` whose records contain one of `words`.
 * If the records cannot be read, that is logged and there are none. Throws DeadlineError.
 */
export function othersThan(
	context: RecordsContext,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	return read(
		context,
		words,
		(a) =>
			!(isSame(a, id) || isOwnUnreadable(a, id)) &&
			!a.unfinished &&
			!hasEnded(context.host, a),
	);
}

/** Returns true for the attachment's own record that cannot be read; it may have the network's former name. */
function isOwnUnreadable(a: Attachment, id: AttachmentID): boolean {
	return (
		a.vague === true &&
		a.containerID === id.containerID &&
		a.ifname === id.ifname
	);
}

function read(
	context: RecordsContext,
	words: readonly string[],
	keeps: (a: Attachment) => boolean,
): Attachment[] {
	const { host, dataDir, deadline } = context;
	const { trouble: log = context.log, records } = context;
	try {
		return records
			? records(words).filter(keeps)
			: recordsAround(host, dataDir, words, { deadline, keeps });
	} catch (e) {
		if (isUsedUp(e) || e instanceof DeadlineError) throw e;
		log("warn", "cannot read the attachments", { error: wordsOf(e) });
		return [];
	}
}

/**
 * Returns the records that contain one of the words, with those that cannot be read: their
 * pods may be alive. One whose text has an address counts if it contains one of the words. Throws SysError or DeadlineError.
 */
export function recordsAround(
	host: Host,
	dataDir: string,
	words: readonly string[],
	options: Omit<ReadingOptions, "onUnreadable"> = {},
): Attachment[] {
	const vague: Attachment[] = [];
	const found = everyRecord(host, dataDir, words.length > MANY ? [""] : words, {
		...options,
		onUnreadable(name, text = "") {
			if (!isRecordName(name)) return;
			// a text that was cut may lack the address, and then it may be any
			const ips = recordedIPs(text);
			const has = (word: string): boolean =>
				// an address may be the begin of another
				parseIP(word) === word ? ips.includes(word) : text.includes(word);
			if (ips.length === 0 || words.some(has))
				vague.push(foreignAttachment(name, text));
		},
	});
	return [...found, ...vague.filter((a) => options.keeps?.(a) ?? true)];
}
