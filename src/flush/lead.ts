// Who has the turn serves all who wait. A request is served only by a pass that began
// after it was made: the queue is read before the table.

import type { Context } from "../context.ts";
import { once } from "../log.ts";
import { type Deadline, DeadlineError } from "../netlink/deadline.ts";
import { addressesOf } from "../policy/mapping.ts";
import { readRecord } from "../state/path.ts";
import {
	answer,
	leftBehind,
	lockServing,
	takeUp,
	waitingOthers,
} from "../state/queue.ts";
import { indexed } from "../state/recordindex.ts";
import {
	deleteRecord,
	everyRecord,
	findRecord,
	recordAt,
} from "../state/store.ts";
import { tryLock, turnPath } from "../state/turn.ts";
import { HOST_IP_WORD, portWord } from "../state/words.ts";
import { askFrom, textOfReport } from "./ask.text.ts";
import type { Ask } from "./ask.ts";
import { emptyReport, type Report } from "./report.ts";
import { requestOf } from "./request.ts";
import { flushTogether } from "./together.ts";

/** The most requests that one pass serves for others, which bounds its memory. */
const MOST = 256;

/**
 * Makes a pass for this request and for those of all who wait, and takes up what was left
 * by verbs that gave up. The caller holds the turn; `own` is its name in the queue. Never
 * throws.
 */
export async function lead(
	context: Context,
	ask: Ask,
	deadline: Deadline,
	own?: string,
): Promise<Report> {
	const [report = emptyReport()] = await serve(context, [ask], deadline, own);
	return report;
}

/**
 * Does what verbs have left behind, for an agent, and serves those who wait. Returns the
 * reports of what was left. If another process has the turn, it does it, or the next one.
 */
export async function finishLeft(
	context: Context,
	deadline: Deadline,
): Promise<Report[]> {
	const { host, dataDir } = context;
	if (leftBehind(host, dataDir).length === 0) return [];
	const turn = tryLock(host, turnPath(dataDir));
	if (typeof turn !== "function") return [];
	try {
		return await serve(context, [], deadline, undefined);
	} finally {
		turn();
	}
}

/** Returns the reports of `asks` and then of what was left. */
async function serve(
	context: Context,
	asks: readonly Ask[],
	deadline: Deadline,
	own: string | undefined,
): Promise<Report[]> {
	const { host, dataDir, log } = context;
	const waiting = [...waitingOthers(host, dataDir, own)]
		.slice(0, MOST)
		.flatMap(([name, text]) => {
			const ask = askFrom(host, text);
			return ask ? [{ name, ask }] : [];
		});
	const left = leftAsks(context);
	const all = [...asks, ...[...waiting, ...left].map(({ ask }) => ask)];
	const records = indexed(all.flatMap(wordsOf), (words) =>
		everyRecord(host, dataDir, words),
	);
	const reading = { ...context, trouble: once(log), records };
	const serving = lockServing(host, dataDir);
	try {
		const reports = await flushTogether(
			host,
			all.map((ask) => requestOf(reading, ask)),
			log,
			deadline,
		);
		for (const report of reports)
			if (report.error instanceof DeadlineError)
				report.waiting = waiting.length;
		const theirs = reports.slice(asks.length);
		for (const [i, { name }] of waiting.entries()) {
			const report = theirs[i];
			// who is not answered tries it himself
			if (report && report.error === undefined)
				answer(host, dataDir, name, textOfReport(report));
		}
		const ofLeft = theirs.slice(waiting.length);
		for (const [i, { name, ask }] of left.entries())
			if (isDone(ofLeft[i])) settleLeft(context, name, ask);
		return [...reports.slice(0, asks.length), ...ofLeft];
	} finally {
		if (typeof serving === "function") serving();
	}
}

/** Returns the words by which the search for `ask` looks for records. */
function wordsOf({ verb, attachment: a }: Ask): string[] {
	return verb === "DEL"
		? addressesOf(a)
		: [...a.mappings.map((m) => portWord(m.hostPort)), HOST_IP_WORD];
}

/** Returns what verbs could not finish in their time: the rest of a DEL, whose record is unfinished, or of an ADD. */
function leftAsks(context: Context): { name: string; ask: Ask }[] {
	const { host, dataDir } = context;
	return leftBehind(host, dataDir)
		.slice(0, MOST)
		.flatMap((name) => {
			const path = `${dataDir}/${name}`;
			const a = recordAt(dataDir, path, readRecord(host, path) ?? "");
			if (a === undefined) {
				// the pod has gone since, and its DEL has done all
				takeUp(host, dataDir, name);
				return [];
			}
			const verb = a.unfinished ? "DEL" : "ADD";
			return [{ name, ask: { verb, attachment: a, action: "delete" } }];
		});
}

function isDone(report: Report | undefined): boolean {
	return report?.error === undefined && report?.failed.size === 0;
}

function settleLeft(
	{ host, dataDir }: Context,
	name: string,
	{ verb, attachment: a }: Ask,
): void {
	try {
		const now = findRecord(host, dataDir, a);
		// an ADD or a DEL may have written it anew in the meantime
		const isSame = now?.added === a.added && now.unfinished === a.unfinished;
		if (now && !isSame) return;
		if (now && verb === "DEL") deleteRecord(host, dataDir, a);
		takeUp(host, dataDir, name);
	} catch {
		// the next pass does it again
	}
}
