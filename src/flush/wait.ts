// A verb that finds the turn taken puts its request into the queue and waits. Who gets the
// turn serves all who wait (lead.ts), so a burst costs two passes and not one for each verb.

import type { Deadline } from "../netlink/deadline.ts";
import type { RecordsContext } from "../state/others.ts";
import {
	enqueue,
	lockServing,
	type Waiting,
	waitingOthers,
} from "../state/queue.ts";
import { TAKEN, tryLock, turnPath } from "../state/turn.ts";
import { reportFrom, textOfAsk } from "./ask.text.ts";
import type { Ask } from "./ask.ts";
import { emptyReport, type Report } from "./report.ts";
import { flushAlone } from "./request.ts";

/** A verb looks first and last so often whether it is served: a pass may take a millisecond or a second. */
const POLL_MS = 5;
const SLOW_POLL_MS = 40;
/** A turn that is held so long by somebody who serves nobody may be held for ever. */
const PATIENCE_MS = 2500;

/**
 * Waits until the request is served or the turn is free, and then takes it. Works alone if
 * there is nothing to wait for. Never throws.
 */
export async function waitForTurn(
	context: RecordsContext,
	ask: Ask,
	deadline: Deadline,
): Promise<Report> {
	const { host, dataDir } = context;
	const begun = host.ticks();
	const waited = (): number => host.ticks() - begun;
	const alone = (): Promise<Report> => flushAlone(context, ask, deadline);
	let waiting: Waiting;
	try {
		waiting = enqueue(host, dataDir, textOfAsk(host, ask));
	} catch {
		return alone();
	}
	try {
		for (let ms = POLL_MS; ; ms = Math.min(1.5 * ms, SLOW_POLL_MS)) {
			await host.sleep(ms);
			const served = answered(waiting, waited());
			if (served) return served;
			const turn = tryLock(host, turnPath(dataDir));
			if (turn === undefined) return await alone();
			if (turn !== TAKEN) {
				try {
					const before = answered(waiting, waited());
					if (before) return before;
					const { lead } = await import("./lead.ts");
					return await lead(context, ask, deadline, waiting.name);
				} finally {
					turn();
				}
			}
			if (waited() > PATIENCE_MS && !isServing(context)) return await alone();
			deadline.left();
		}
	} catch (error) {
		const others = waitingOthers(host, dataDir, waiting.name).size;
		return { ...emptyReport(), ms: waited(), error, waiting: others };
	} finally {
		waiting.withdraw();
	}
}

/** `ms` is the time for which this verb has waited: that of the pass is not its own. */
function answered(waiting: Waiting, ms: number): Report | undefined {
	const text = waiting.answer();
	const report = text === undefined ? undefined : reportFrom(text);
	return report && { ...report, ms };
}

/** Returns true while the holder of the turn serves others. */
function isServing({ host, dataDir }: RecordsContext): boolean {
	const lock = lockServing(host, dataDir);
	if (typeof lock === "function") lock();
	return lock === TAKEN;
}
