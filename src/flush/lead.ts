// Who has the turn serves all who wait. A request is served only by a pass that began
// after it was made: the queue is read before the table.

import { once } from "../log.ts";
import { type Deadline, DeadlineError } from "../netlink/deadline.ts";
import { addressesOf } from "../policy/mapping.ts";
import { type RecordsContext, recordsAround } from "../state/others.ts";
import { answer, awaitArrivals, waitingOthers } from "../state/queue.ts";
import { indexed } from "../state/recordindex.ts";
import { HOST_IP_WORD, portWords, VAGUE_WORD } from "../state/words.ts";
import { askFrom, textOfReport } from "./ask.text.ts";
import type { Ask } from "./ask.ts";
import type { Report } from "./report.ts";
import { flushAlone, requestOf } from "./request.ts";
import { flushTogether } from "./together.ts";

/** The most requests that one pass serves for others, which bounds its memory. */
const MOST = 256;

/**
 * Makes a pass for this request and for those of all who wait. The caller holds the turn;
 * `own` is its name in the queue. If that pass fails, the request is tried alone in the
 * time that is left: nobody's trouble is another's. Never throws.
 */
export async function lead(
	context: RecordsContext,
	ask: Ask,
	deadline: Deadline,
	own?: string,
): Promise<Report> {
	const { host, dataDir } = context;
	const waiting = [...waitingOthers(host, dataDir, own)]
		.slice(0, MOST)
		.flatMap(([name, text]) => {
			const its = askFrom(host, text);
			return its ? [{ name, ask: its }] : [];
		});
	const alone = (): Promise<Report> => flushAlone(context, ask, deadline);
	if (waiting.length === 0) return alone();
	const asks = [ask, ...waiting.map((w) => w.ask)];
	const records = indexed([...new Set(asks.flatMap(wordsOf))], (words) =>
		recordsAround(host, dataDir, words, { deadline }),
	);
	const reading = { ...context, trouble: once(context.log), records };
	const [report, ...theirs] = await flushTogether(
		host,
		asks.map((a) => requestOf(reading, a)),
		context.log,
		deadline,
	);
	for (const [i, { name }] of waiting.entries()) {
		const its = theirs[i];
		// who is not answered tries it himself
		if (its && its.error === undefined)
			answer(host, dataDir, name, textOfReport(its));
	}
	if (report?.error === undefined) return report ?? alone();
	const second = await alone();
	if (second.error instanceof DeadlineError) second.waiting = waiting.length;
	return second;
}

/**
 * Does what `lead` does, after the verbs of a burst have arrived. `spent` is the time in ms
 * that a pass took which was left for them. Never throws.
 */
export async function leadArrivals(
	context: RecordsContext,
	ask: Ask,
	deadline: Deadline,
	spent: number,
): Promise<Report> {
	const { host, dataDir } = context;
	const begun = host.ticks();
	await awaitArrivals(host, dataDir);
	const report = await lead(context, ask, deadline);
	return { ...report, ms: spent + host.ticks() - begun };
}

/** Returns the words by which the search for the request looks for records. */
function wordsOf({ verb, attachment: a }: Ask): string[] {
	return verb === "DEL"
		? addressesOf(a)
		: [...portWords(a.mappings), HOST_IP_WORD, VAGUE_WORD];
}
