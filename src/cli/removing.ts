// One removal: what the flags of `flush` select, stale or not, is found and removed, or
// only counted. It prints no result.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { LocalAddresses, localAddresses } from "../flush/addresses.ts";
import { flush } from "../flush/flush.ts";
import { joinReports } from "../flush/report.join.ts";
import type { Report } from "../flush/report.ts";
import type { Request } from "../flush/search.ts";
import type { Host } from "../host.ts";
import { familyOf, hostIPOf, type IP } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import type { Verdict } from "../policy/judge.ts";
import type { RuleScope } from "../policy/published.ts";
import {
	agreesByReply,
	familiesOf,
	isMeant,
	leavesNothingOut,
	portsOf,
	prefilterOf,
	type Selection,
} from "../policy/selection.ts";
import type { Reason } from "../policy/stale.ts";
import { repairByRules } from "../reconcile/byrules.ts";
import { RepairMemory } from "../reconcile/memory.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { leadingToLive, recorded } from "../reconcile/recorded.ts";
import type { Source } from "../reconcile/source.ts";
import type { CacheSource } from "../state/liveness.ts";

const DEADLINE_MS = 600_000;

/** Is called for each entry that is to be removed; `isLocal` knows the node's addresses. */
export type OnFound = (
	e: Entry,
	isLocal: (ip: IP) => boolean,
	verdict?: Verdict,
) => void;

/** Removes those selected entries that are stale, by the records and with `rules` by the rules alone. */
export async function flushStale(
	context: Context,
	cache: CacheSource,
	selection: Selection,
	rules: RuleScope | undefined,
	action: "count" | "delete",
	found: OnFound | undefined,
): Promise<Report> {
	let local = (_: IP): boolean => false;
	const source: Source = (isLocal) => {
		local = isLocal;
		const desired = recorded(context, cache)(isLocal);
		const judge = (e: Entry): Reason | undefined => {
			const reason = desired.judge(e);
			const isSelected =
				reason === "begun-by-pod"
					? agreesByReply(selection, e)
					: isMeant(selection, e, isLocal);
			return isSelected ? reason : undefined;
		};
		// a selection may look at the client
		const isOpen = leavesNothingOut(selection);
		return { ...desired, judge, ...(isOpen && { judgesKinds: judge }) };
	};
	const report = await reconcile(
		context,
		[source],
		action,
		found && ((e) => found(e, local)),
	);
	if (rules === undefined || report.error !== undefined) return report;
	const byRules = await repairByRules(context, {
		scope: rules,
		action,
		memory: new RepairMemory(),
		spares: () => leadingToLive(context, cache),
		isMeant: (e, isLocal) => isMeant(selection, e, isLocal),
		found: (e, reason, _, words = "") =>
			found?.(e, local, {
				kind: "stale",
				reason: reason as Reason,
				why: words,
			}),
	});
	return joinReports(report, byRules);
}

/** Removes every selected entry, healthy or not. */
export function flushMeant(
	{ host, log }: Context,
	selection: Selection,
	action: "count" | "delete",
	found: OnFound | undefined,
): Promise<Report> {
	let locals = new LocalAddresses();
	const isLocal = (ip: IP): boolean => locals.has(ip);
	const request: Request = {
		async prepare(shared) {
			locals = await shared.locals(new Set(familiesOf(selection)));
			const prefilter = prefilterOf(selection);
			return {
				ports: portsOf(selection),
				...(prefilter && { prefilter: () => prefilter }),
				judge(e) {
					if (!isMeant(selection, e, isLocal)) return undefined;
					found?.(e, isLocal);
					return "asked";
				},
			};
		},
		action,
	};
	return flush(host, request, log, new Deadline(host, DEADLINE_MS));
}

/** Returns true if more is selected than one hostPort of this node. Warns if it is what passes through the node, which is no error: a virtual address may just have left. */
export async function isWideOn(host: Host, s: Selection): Promise<boolean> {
	const [span, ...more] = s.hostPorts;
	if (!span) return true;
	const { hostIP } = s;
	const passes =
		hostIP !== undefined &&
		hostIPOf(hostIP) !== null &&
		!(
			await localAddresses(
				host,
				[familyOf(hostIP)],
				new Deadline(host, DEADLINE_MS),
			)
		).isLocal(hostIP);
	if (passes && !s.leadsTo && !s.podIPs)
		host.write(
			2,
			`${hostIP} is no address of this node: what passes through this node to that address and port is meant, healthy or not\n`,
		);
	return passes || more.length > 0 || span.first !== span.last;
}
