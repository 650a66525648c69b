// What a verb asked, as a request of a flush.

import type { Deadline } from "../netlink/deadline.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";
import { othersThan, type RecordsContext } from "../state/others.ts";
import { addSearch } from "./addsearch.ts";
import type { Ask } from "./ask.ts";
import { delSearch } from "./delsearch.ts";
import type { Leaves } from "./find.ts";
import { flush } from "./flush.ts";
import type { Report } from "./report.ts";
import type { Request } from "./search.ts";
import type { Shared } from "./shared.ts";

/** Returns the request that does what was asked. */
export function requestOf(
	context: RecordsContext,
	{ verb, attachment: a, action }: Ask,
): Request {
	const reading = ({ deadline }: Shared): RecordsContext => ({
		...context,
		deadline,
	});
	if (verb === "ADD")
		return {
			action,
			prepare: (shared) => addSearch(reading(shared), a, shared),
		};
	const live = (shared: Shared): Attachment[] =>
		othersThan(reading(shared), a, addressesOf(a)).filter(
			(b) => b.added > a.added,
		);
	return {
		action,
		prepare: (shared) => delSearch(a, live(shared), shared, context.log),
	};
}

/** Does what was asked, and nothing else, or as `flush` says with `leaves`. Never throws. */
export function flushAlone(
	context: RecordsContext,
	ask: Ask,
	deadline: Deadline,
	leaves?: Leaves,
): Promise<Report> {
	const { host, log } = context;
	return flush(host, requestOf(context, ask), log, deadline, leaves);
}
