// A flush: one request, from the count of entries to the last removal. This is the
// place that fails open: whatever conntrack does, the caller gets a report.

import { Conntrack } from "../conntrack/table.ts";
import type { Host } from "../host.ts";
import type { Log } from "../log.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { find, type Leaves } from "./find.ts";
import { removalsFor } from "./removals.ts";
import { emptyReport, finished, type Report } from "./report.ts";
import type { Request } from "./search.ts";
import { Shared } from "./shared.ts";

/** Removes the entries that the request judges stale. If `leaves` is given, a long pass may be left early; then the report says so. Never throws. */
export async function flush(
	host: Host,
	request: Request,
	log: Log,
	deadline: Deadline,
	leaves?: Leaves,
): Promise<Report> {
	const report = emptyReport();
	const begun = host.ticks();
	const table = new Conntrack(host, deadline);
	const shared = new Shared(host, deadline);
	try {
		const entries = await table.count();
		if (entries > 0) {
			const search = await request.prepare(shared);
			shared.ports = search.ports;
			const { action } = request;
			const removals = removalsFor(table, action, search, report);
			const wanted =
				action === "delete" ? search : { ...search, filters: undefined };
			await find(
				host,
				table,
				entries,
				wanted,
				report,
				{
					settle: async (found) => void (await removals.settle(found)),
					flushed: (filter, shrank) => removals.flushed(filter, shrank),
					leaves,
				},
				log,
			);
		}
	} catch (e) {
		report.error = e;
	} finally {
		table.close();
		await shared.close();
	}
	return finished(report, host.ticks() - begun);
}
