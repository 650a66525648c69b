// Reconciliation: what the node's traffic should be comes in, and in one pass
// over the table every entry that contradicts it goes. For events that nobody
// handled: a plugin that was not there, a runtime that died, a missed DEL.

import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import { localAddresses } from "../flush/addresses.ts";
import { type Action, flush, type Report } from "../flush/flush.ts";
import { finish } from "../flush/gc.ts";
import { first, logReport, type Site } from "../flush/onadd.ts";
import type { IP } from "../net/ip.ts";
import { LocalAddresses } from "../netlink/rtnl.ts";
import type { Reason } from "../policy/stale.ts";
import { type Cache, forgetGone, recorded } from "./recorded.ts";

/** A table of millions takes seconds to read, and no pod waits for it. */
const DEADLINE_MS = 120_000;

/** What one source says that the table should be. */
export interface Desired {
	/** Where it says anything; entries with other ports are healthy. */
	readonly ports: readonly DumpFilter[];
	/** Why the entry contradicts it, or undefined if it does not. */
	judge(e: Entry): Reason | undefined;
	/** Whether the entry is just as it should be: then it stays, whatever another source says. */
	serves(e: Entry): boolean;
	/** Whose entry it is: a Service's name, a pod's. */
	owner(e: Entry): string | undefined;
	/** True if it has learnt something since; then what was judged is judged again. */
	refresh?(): boolean;
}

/** Is told of an entry that goes, why, and whose it is. */
export type Found = (
	e: Entry,
	reason: Reason,
	owner: string | undefined,
) => void;

/** Makes one of what is known now; `isLocal` answers once entries are judged. */
export type Source = (isLocal: (ip: IP) => boolean) => Desired;

/**
 * Makes the table agree with all the sources; with "count" it only looks. Tells
 * `found` of every entry that goes. The report says what failed; what throws is
 * a source that cannot be made.
 */
export async function reconcile(
	{ host, log }: Site,
	sources: readonly Source[],
	action: Action,
	found?: Found,
): Promise<Report> {
	let locals = new LocalAddresses();
	const desired = sources.map((source) => source((ip) => locals.has(ip)));
	const ports = desired.flatMap((d) => d.ports);
	const verdict = (e: Entry): Reason | undefined => {
		const reason = first(desired, (d) => d.judge(e));
		// most entries are healthy, and end here
		if (reason === undefined) return undefined;
		return desired.some((d) => d.serves(e)) ? undefined : reason;
	};
	const judge = (e: Entry): Reason | undefined => {
		let reason = verdict(e);
		if (reason === undefined) return undefined;
		if (desired.some((d) => d.refresh?.())) reason = verdict(e);
		if (reason !== undefined && found) {
			const owner = first(desired, (d) => d.owner(e));
			found(e, reason, owner);
		}
		return reason;
	};
	return flush(
		host,
		{
			prepare: async (deadline) => {
				const families = new Set(ports.map(({ family }) => family));
				locals = await localAddresses(host, families, deadline);
				return { ports, judge };
			},
			action,
			deadlineMs: DEADLINE_MS,
		},
		log,
	);
}

/**
 * Makes the table agree with the attachments of the node, and logs what it did if
 * it did anything. First it finishes what a DEL could not, and with libcni's cache
 * forgets those that have ended without us. Throws SysError if the directory of records cannot be read.
 */
export async function reconcileAttachments(
	site: Site,
	cache?: Cache,
): Promise<Report> {
	if (!cache) await finish(site);
	const seen = cache && (await forgetGone(site, cache));
	const source = recorded(site, cache, seen);
	const report = await reconcile(site, [source], "delete");
	logRepair(site, report);
	return report;
}

/** For a loop: silent where nothing was wrong, as most of the time. */
export function logRepair(site: Site, report: Report): void {
	if (report.reasons.size > 0 || report.error !== undefined)
		logReport(site, report);
}
