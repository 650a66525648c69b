// What a DEL looks for: the entries that lead to a pod that goes, and those that it began
// from a hostPort, unless a live attachment has taken over its address.

import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Log } from "../log.ts";
import { ipBytes } from "../net/ip.ts";
import {
	type Attachment,
	addressesOf,
	byPort,
	first,
	isSingle,
	leadsTo,
	mayBeOwned,
	type PodTargets,
} from "../policy/mapping.ts";
import { FEW } from "../policy/portrow.ts";
import {
	begunByPod,
	begunFilter,
	deadFilter,
	deadOfPod,
	deadOnDel,
} from "../policy/stale.ts";
import type { Search } from "./search.ts";
import type { Shared } from "./shared.ts";

/** Returns the search for what leads to pods that go, or was begun by them. `live` are the attachments that may have taken over their addresses. */
export function delSearch(
	going: PodTargets,
	live: readonly Attachment[],
	shared: Shared,
	log: Log,
): Search {
	const { mappings } = going;
	const taken = new Set(live.flatMap(addressesOf));
	const podTargets = going.podTargets.filter(({ podIP }) => !taken.has(podIP));
	// only the address tells which pod began an entry, and a live pod's stay
	const begun = mappings.filter(({ podIP }) => !taken.has(podIP));
	const dying = byPort(mappings);
	const beginning = begun.length === mappings.length ? dying : byPort(begun);
	const living = byPort(live.flatMap((a) => a.mappings));
	const isOwned = mayBeOwned(live);
	// the address has two owners, and only the rules know if this entry is the living one's
	const isAlive = (e: Entry): boolean =>
		isOwned(e) || living(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
	// for more mappings than a few, one walk for all is cheaper
	const few = mappings.length > FEW ? [] : mappings.filter(isSingle);
	const filters = few
		.flatMap((m) => [deadFilter(m), begunFilter(m)])
		.filter((f) => f !== undefined);
	const isExact =
		podTargets.length === 0 &&
		filters.length === 2 * mappings.length &&
		begun.length === mappings.length;
	const ports: readonly PortFilter[] = [
		...mappings,
		...begun.map((m) => ({ ...m, side: "reply" as const })),
		...podTargets.map((t) => ({ ...t, hostPort: null })),
	];
	return {
		ports,
		prefilter() {
			const prefilter = new Prefilter("sources");
			for (const { podIP } of [...mappings, ...podTargets])
				prefilter.add(ipBytes(podIP));
			return prefilter;
		},
		isCacheable: true,
		judge: (e) =>
			first(dying(e.proto, e.orig.dport), (m) => deadOnDel(m, e)) ??
			first(podTargets, (t) => deadOfPod(t, e)) ??
			first(beginning(e.proto, e.reply.dport), (m) => begunByPod(m, e)),
		...(live.length > 0 && {
			async confirm() {
				const { confirmByRules } = await import("./confirm.ts");
				return confirmByRules(shared, log, {
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
