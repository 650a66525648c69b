// What does not fit into the time of a verb is handed over to the agent, or to the next
// `reconcile`.

import type { Context } from "../context.ts";
import { DeadlineError } from "../netlink/deadline.ts";
import type { AttachmentID } from "../policy/mapping.ts";
import { leave } from "../state/left.ts";
import type { Report } from "./report.ts";

/**
 * Notes that a recorded attachment's verb could not finish, if the time was up or the
 * pass broke off. A pass that could not begin, as without CAP_NET_ADMIN, would fail
 * again. Never throws.
 */
export function handOver(
	{ host, dataDir }: Context,
	id: AttachmentID,
	{ error, how }: Report,
): void {
	if (how !== "nothing" || error instanceof DeadlineError)
		leave(host, dataDir, id);
}
