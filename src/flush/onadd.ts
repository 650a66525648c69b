// ADD: the attachment is recorded, and the entries that keep its traffic from it are
// removed. CHECK counts the same entries.

import { Prefilter } from "../conntrack/prefilter.ts";
import { attempt, type Context } from "../context.ts";
import { once } from "../log.ts";
import { ipBytes } from "../net/ip.ts";
import type { Deadline } from "../netlink/exchange.ts";
import { type Attachment, byPort, first } from "../policy/mapping.ts";
import { type Node, servedBy, staleOnAdd } from "../policy/stale.ts";
import { othersThan, writeRecord } from "../state/store.ts";
import { localAddresses } from "./addresses.ts";
import { flush, type Search } from "./flush.ts";
import { logReport, type Report } from "./report.ts";

/** Write permission of group and others: whoever can write or delete a record decides whose entries are alive. */
const WRITE_BY_OTHERS = 0o022;

/** Records the attachment and removes the entries that keep its traffic from it. Never throws. */
export async function onAdd(context: Context, a: Attachment): Promise<void> {
	// a directory that refuses one call refuses them all: one line is enough
	const records = { ...context, log: once(context.log) };
	const mode = attempt(records, "cannot record the attachment", () =>
		writeRecord(context.host, context.dataDir, a),
	);
	if (mode !== undefined && (mode & WRITE_BY_OTHERS) !== 0)
		records.log("warn", "others can write to the directory of records", {
			dir: context.dataDir,
			mode: mode.toString(8),
		});
	if (a.mappings.length > 0)
		logReport(context, await flushStale(context, records, a, "delete"));
}

/** Counts the entries that keep traffic from the attachment. Changes nothing, never throws. */
export function countStale(context: Context, a: Attachment): Promise<Report> {
	return flushStale(context, context, a, "count");
}

function flushStale(
	context: Context,
	records: Context,
	a: Attachment,
	action: "delete" | "count",
): Promise<Report> {
	const prepare = (deadline: Deadline): Promise<Search> =>
		searchFor(records, a, deadline);
	return flush(context.host, { prepare, action }, context.log);
}

async function searchFor(
	context: Context,
	a: Attachment,
	deadline: Deadline,
): Promise<Search> {
	const { mappings } = a;
	const mappingsOf = byPort(mappings);
	const prefilter = new Prefilter("orig.dst");
	for (const { hostIP } of mappings)
		if (hostIP !== null) prefilter.add(ipBytes(hostIP));
	const wide = mappings.filter((m) => m.hostIP === null);
	let node: Node = { isLocal: () => false, isServed: () => false };
	if (wide.length > 0) {
		const families = new Set(wide.map((m) => m.family));
		const locals = await localAddresses(context.host, families, deadline);
		locals.addTo(prefilter);
		// the attachment's own mappings of single addresses count as well
		const live = [a, ...othersThan(context, a, ['"hostIP":"'])];
		node = { isLocal: (ip) => locals.has(ip), isServed: servedBy(live) };
	}
	return {
		ports: mappings,
		prefilter,
		isCacheable: true,
		judge: (e) =>
			first(mappingsOf(e.proto, e.orig.dport), (m) => staleOnAdd(m, e, node)),
	};
}
