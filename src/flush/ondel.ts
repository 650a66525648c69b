// DEL and GC: the entries that lead to a pod that goes are removed, and those that it
// began from a hostPort, unless a live attachment has taken over its address.

import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Context } from "../context.ts";
import { ipBytes } from "../net/ip.ts";
import type { Deadline } from "../netlink/exchange.ts";
import {
	type Attachment,
	byPort,
	first,
	isAssigned,
	leadsTo,
	type PodTargets,
} from "../policy/mapping.ts";
import {
	begunByPod,
	begunFilter,
	deadFilter,
	deadOfPod,
	deadOnDel,
} from "../policy/stale.ts";
import { type Action, flush, type Search } from "./flush.ts";
import { logReport, type Report } from "./report.ts";

/**
 * Removes the entries of a pod that goes, those that lead to it and those that it began
 * from a hostPort, unless a live attachment has taken them over. `live` returns the
 * live attachments; it is called only if there are entries at all. Never throws; the
 * report is logged.
 */
export async function onDel(
	context: Context,
	dying: PodTargets,
	live: () => readonly Attachment[],
	action: Action,
): Promise<Report> {
	const prepare = (deadline: Deadline): Search =>
		searchFor(context, dying, live(), deadline);
	const report = await flush(context.host, { prepare, action }, context.log);
	logReport(context, report);
	return report;
}

function searchFor(
	{ host, log }: Context,
	going: PodTargets,
	live: readonly Attachment[],
	deadline: Deadline,
): Search {
	const { mappings } = going;
	const podTargets = going.podTargets.filter(
		({ podIP }) => !isAssigned(live, podIP),
	);
	// only the address tells which pod began an entry, and a live pod's stay
	const begun = mappings.filter(({ podIP }) => !isAssigned(live, podIP));
	const prefilter = new Prefilter("sources");
	for (const { podIP } of [...mappings, ...podTargets])
		prefilter.add(ipBytes(podIP));
	const dying = byPort(mappings);
	const beginning = byPort(begun);
	const living = byPort(live.flatMap((a) => a.mappings));
	// the address has two owners, and only the rules know if this entry is the living one's
	const isAlive = (e: Entry): boolean =>
		living(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
	const filters = mappings
		.flatMap((m) => [deadFilter(m), begunFilter(m)])
		.filter((f) => f !== undefined);
	const isExact =
		podTargets.length === 0 &&
		filters.length === 2 * mappings.length &&
		begun.length === mappings.length;
	const ports: readonly DumpFilter[] = [
		...mappings,
		...begun.map((m) => ({ ...m, side: "reply" as const })),
		...podTargets.map((t) => ({ ...t, hostPort: null })),
	];
	return {
		ports,
		prefilter,
		isCacheable: true,
		judge: (e) =>
			first(dying(e.proto, e.orig.dport), (m) => deadOnDel(m, e)) ??
			first(podTargets, (t) => deadOfPod(t, e)) ??
			first(beginning(e.proto, e.reply.dport), (m) => begunByPod(m, e)),
		...(live.length > 0 && {
			async confirm() {
				const { confirmByRules } = await import("./confirm.ts");
				return confirmByRules(host, deadline, log, {
					ports,
					claims: (e) =>
						isAlive(e) ? living(e.proto, e.orig.dport) : undefined,
					isSpared: isAlive,
					isDoomed: true,
				});
			},
		}),
		filters: isExact ? filters : undefined,
	};
}
