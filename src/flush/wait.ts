// A verb that finds the turn taken puts its request into the queue and waits. Who gets the
// turn serves all who wait (lead.ts), so a burst costs two passes and not one for each verb.

import type { Host, LockWatch } from "../host.ts";
import type { Deadline } from "../netlink/deadline.ts";
import type { RecordsContext } from "../state/others.ts";
import { enqueue, queueLength, type Waiting } from "../state/queue.ts";
import { secondTurnPath, TAKEN, tryLock, turnPath } from "../state/turn.ts";
import { reportFrom, textOfAsk } from "./ask.text.ts";
import type { Ask } from "./ask.ts";
import { emptyReport, type Report } from "./report.ts";

/** A verb looks first and last so often whether it is served: a pass may take a millisecond or a second. */
const POLL_MS = 5;
const SLOW_POLL_MS = 40;
/** It looks seldom where the kernel tells of the turn's end, and not never: the turn may be held by a verb of an older version, or end in the second turn. */
const TOLD_POLL_MS = 250;
/**
 * Who holds the turn so long may be frozen, or none of ours. Then one of those who wait
 * takes the second turn and serves the others; that all of them work alone would be what
 * the queue is against.
 */
const PATIENCE_MS = 2000;

/**
 * Waits until the request is served or a turn is free, and then takes it. Works alone if
 * there is nothing to wait for. Never throws.
 */
export async function waitForTurn(
	context: RecordsContext,
	ask: Ask,
	deadline: Deadline,
): Promise<Report> {
	const { host, dataDir } = context;
	const begun = host.ticks();
	/** Most verbs that wait are served, and load nothing that reads the table. */
	const alone = async (): Promise<Report> => {
		const { flushAlone } = await import("./request.ts");
		return flushAlone(context, ask, deadline);
	};
	let waiting: Waiting;
	try {
		waiting = enqueue(host, dataDir, textOfAsk(host, ask));
	} catch {
		return alone();
	}
	/** The time that this verb took, not that of the pass. */
	const took = (report: Report): Report => ({
		...report,
		ms: host.ticks() - begun,
	});
	/** Does the work if the turn is free; returns undefined if it is not. */
	const tryTurn = async (path: string): Promise<Report | undefined> => {
		const turn = tryLock(host, path);
		if (turn === TAKEN) return undefined;
		if (turn === undefined) return alone();
		try {
			const before = reportFrom(waiting.answer());
			if (before) return before;
			const { lead } = await import("./lead.ts");
			return await lead(context, ask, deadline, waiting.name);
		} finally {
			turn();
		}
	};
	const watch = watchTurn(host, dataDir);
	/** After the word that the turn has ended, somebody else may have it, or it is held in a way that gives no word. */
	let isTold = false;
	try {
		for (let ms = POLL_MS; ; ms = Math.min(1.5 * ms, SLOW_POLL_MS)) {
			if (watch && !isTold) isTold = await watch.wait(TOLD_POLL_MS);
			else {
				await host.sleep(ms);
				isTold = false;
			}
			const served =
				reportFrom(waiting.answer()) ??
				(await tryTurn(turnPath(dataDir))) ??
				(host.ticks() - begun > PATIENCE_MS
					? await tryTurn(secondTurnPath(dataDir))
					: undefined);
			if (served) return took(served);
			deadline.left();
		}
	} catch (error) {
		const others = queueLength(host, dataDir) - 1;
		return took({ ...emptyReport(), error, waiting: others });
	} finally {
		watch?.close();
		waiting.withdraw();
	}
}

/** Returns undefined if the kernel does not tell of the end of the turn. */
function watchTurn(host: Host, dataDir: string): LockWatch | undefined {
	try {
		return host.full().watchLock(turnPath(dataDir));
	} catch {
		// it is a file that a version before has made
		return undefined;
	}
}
