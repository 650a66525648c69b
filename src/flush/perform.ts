// Does what a verb asks of the table. A verb works alone if no other one is at work;
// verbs that come at once share a pass, because every walk of the table takes the kernel's
// one ctnetlink mutex, and a hundred of them would take it in turn.

import { Deadline } from "../netlink/deadline.ts";
import type { RecordsContext } from "../state/others.ts";
import { hasQueue, TAKEN, tryLock, turnPath } from "../state/turn.ts";
import type { Ask } from "./ask.ts";
import type { Report } from "./report.ts";

/** After this time a verb gives up and says so, because a pod must not wait for its conntrack. */
const DEADLINE_MS = 5000;

/**
 * Removes the entries that are asked for, and returns when that is done, in a pass that
 * began after this call. Never throws.
 */
export async function perform(
	context: RecordsContext,
	ask: Ask,
): Promise<Report> {
	const { host, dataDir } = context;
	const deadline = new Deadline(host, DEADLINE_MS, context.begun);
	const turn = tryLock(host, turnPath(dataDir));
	if (turn === TAKEN) {
		const { waitForTurn } = await import("./wait.ts");
		return waitForTurn(context, ask, deadline);
	}
	try {
		if (turn !== undefined && hasQueue(host, dataDir)) {
			const { lead } = await import("./lead.ts");
			return await lead(context, ask, deadline);
		}
		const { flushAlone } = await import("./request.ts");
		const report = await flushAlone(
			context,
			ask,
			deadline,
			turn && (() => hasQueue(host, dataDir)),
		);
		if (!report.isLeft) return report;
		const { leadArrivals } = await import("./lead.ts");
		return await leadArrivals(context, ask, deadline, report.ms);
	} finally {
		turn?.();
	}
}
