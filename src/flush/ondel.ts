// DEL and GC: the entries that lead to a pod that goes are removed, unless a live
// attachment has taken over its address.

import type { Entry } from "../conntrack/entry.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Context } from "../context.ts";
import { ipBytes } from "../net/ip.ts";
import {
	type Attachment,
	byPort,
	first,
	isAssigned,
	isInherited,
	leadsTo,
	type PodTargets,
} from "../policy/mapping.ts";
import { deadFilter, deadOfPod, deadOnDel } from "../policy/stale.ts";
import { type Action, flush, type Search } from "./flush.ts";
import { logReport, type Report } from "./report.ts";

/**
 * Removes the entries that lead to a pod that goes, unless a live attachment has taken
 * them over. `live` returns the live attachments; it is called only if there are
 * entries at all. Never throws; the report is logged.
 */
export async function onDel(
	context: Context,
	dying: PodTargets,
	live: () => readonly Attachment[],
	action: Action,
): Promise<Report> {
	const prepare = (): Search => {
		const search = searchFor(dying, live());
		if (search.ports.length === 0)
			context.log("debug", "left to those who have the address now", {
				mappings: dying.mappings.length,
				pods: dying.podTargets.length,
			});
		return search;
	};
	const report = await flush(context.host, { prepare, action }, context.log);
	logReport(context, report);
	return report;
}

function searchFor(going: PodTargets, live: readonly Attachment[]): Search {
	// a late DEL of a mapping that was taken over costs no look at the table
	const mappings = going.mappings.filter((m) => !isInherited(live, m));
	const podTargets = going.podTargets.filter(
		({ podIP }) => !isAssigned(live, podIP),
	);
	const prefilter = new Prefilter("reply.src");
	for (const { podIP } of [...mappings, ...podTargets])
		prefilter.add(ipBytes(podIP));
	const dying = byPort(mappings);
	const living = byPort(live.flatMap((a) => a.mappings));
	// a live mapping may have taken single addresses of one of any address
	const isAlive = (e: Entry): boolean =>
		living(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
	const filters = mappings.map(deadFilter).filter((f) => f !== undefined);
	const isExact =
		podTargets.length === 0 &&
		filters.length === mappings.length &&
		!mappings.some(({ podIP }) => isAssigned(live, podIP));
	return {
		ports: [...mappings, ...podTargets.map((t) => ({ ...t, hostPort: null }))],
		prefilter,
		isCacheable: true,
		judge: (e) => {
			const reason =
				first(dying(e.proto, e.orig.dport), (m) => deadOnDel(m, e)) ??
				first(podTargets, (t) => deadOfPod(t, e));
			return reason !== undefined && isAlive(e) ? undefined : reason;
		},
		filters: isExact ? filters : undefined,
	};
}
