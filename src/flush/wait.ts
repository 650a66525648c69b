// A verb that finds the turn taken puts its request into the queue and waits. Who gets the
// turn serves all who wait (lead.ts), so a burst costs two passes and not one for each verb.

import type { Deadline } from "../netlink/deadline.ts";
import type { RecordsContext } from "../state/others.ts";
import { enqueue, queueLength, type Waiting } from "../state/queue.ts";
import { secondTurnPath, TAKEN, tryLock, turnPath } from "../state/turn.ts";
import { reportFrom, textOfAsk } from "./ask.text.ts";
import type { Ask } from "./ask.ts";
import { emptyReport, type Report } from "./report.ts";
import { flushAlone } from "./request.ts";

/** A verb looks first and last so often whether it is served: a pass may take a millisecond or a second. */
const POLL_MS = 5;
const SLOW_POLL_MS = 40;
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
	let waiting: Waiting;
	try {
		waiting = enqueue(host, dataDir, textOfAsk(host, ask));
	} catch {
		return flushAlone(context, ask, deadline);
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
		if (turn === undefined) return flushAlone(context, ask, deadline);
		try {
			const before = reportFrom(waiting.answer());
			if (before) return before;
			const { lead } = await import("./lead.ts");
			return await lead(context, ask, deadline, waiting.name);
		} finally {
			turn();
		}
	};
	try {
		for (let ms = POLL_MS; ; ms = Math.min(1.5 * ms, SLOW_POLL_MS)) {
			await host.sleep(ms);
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
		waiting.withdraw();
	}
}
