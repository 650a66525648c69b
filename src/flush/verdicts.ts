// The verdicts of a look at the table, which changes nothing: what the attachments, the
// pods that left and the rules of this moment say of an entry. It reads no entry.

import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Context } from "../context.ts";
import { type Family, type IP, ipBytes } from "../net/ip.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { type Holder, judgeBy, type Verdict } from "../policy/judge.ts";
import type { Attachment, PortRow } from "../policy/mapping.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { localAddresses } from "./addresses.ts";
import { openProspects } from "./prospects.ts";

/** A verdict on one entry. */
export interface Judged {
	readonly verdict: Verdict;
	/** False if the rules may treat another client's entry of the same kind in another way. */
	readonly isShared: boolean;
}

export interface Verdicts {
	readonly live: readonly Attachment[];
	readonly cached: readonly Holder[];
	/** The mappings of all live attachments. */
	readonly mapped: readonly PortRow[];
	/** The addresses of the node and those of mappings: what came to any other is judged without the rules. */
	readonly here: Prefilter;
	/** True if pods have left this node. */
	readonly hasDepartures: boolean;
	isLocal(ip: IP): boolean;
	/** Judges an entry. Throws DeadlineError. */
	of(e: Entry): Promise<Judged>;
	close(): void;
}

/**
 * Returns the verdicts on entries of these families that came to one of the ports. `warn`
 * is told once why the rules are not asked, if they cannot be read. Throws NetlinkError,
 * SysError or DeadlineError.
 */
export async function openVerdicts(
	context: Context,
	cache: CacheSource,
	families: readonly Family[],
	ports: readonly DumpFilter[],
	deadline: Deadline,
	warn: (why: string) => void,
): Promise<Verdicts> {
	const { host, dataDir } = context;
	const { live, cached } = takeSnapshot(context, cache);
	const mapped = live.flatMap((a) => a.mappings);
	const locals = await localAddresses(host, families, deadline);
	const hostIPs = new Set(mapped.map((m) => m.hostIP));
	const here = new Prefilter("orig.dst");
	locals.addTo(here);
	for (const hostIP of hostIPs) if (hostIP !== null) here.add(ipBytes(hostIP));
	const isLocal = (ip: IP): boolean => locals.has(ip);
	const departures = readDepartures(host, dataDir);
	const judge = judgeBy(live, isLocal, host.ticks(), departures, cached);
	const rules = openProspects(host, deadline, ports, warn);
	return {
		live,
		cached,
		mapped,
		here,
		hasDepartures: departures.size > 0,
		isLocal,
		async of(e) {
			const { dst } = e.orig;
			const isAsked = isLocal(dst) || hostIPs.has(dst);
			const prospect = isAsked ? await rules.of(e) : undefined;
			return {
				verdict: judge(e, prospect),
				isShared: prospect?.isShared ?? true,
			};
		},
		close: () => rules.close(),
	};
}
