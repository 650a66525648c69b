// Reconciliation: one pass over the table removes every entry that contradicts the
// desired state. It repairs what nobody handled: the plugin was not installed, a runtime
// died, a DEL never came. What is desired is said by the sources (source.ts).

import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Context } from "../context.ts";
import { LocalAddresses } from "../flush/addresses.ts";
import { confirmByRules } from "../flush/confirm.ts";
import { flush } from "../flush/flush.ts";
import { finishDels } from "../flush/gc.ts";
import { logReport, type Report } from "../flush/report.ts";
import { familiesIn } from "../flush/rulesview.ts";
import type { Action, RemovalReason } from "../flush/search.ts";
import { ipBytes } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { first } from "../policy/mapping.ts";
import { leftBehind, takeUp } from "../state/left.ts";
import type { CacheSource } from "../state/liveness.ts";
import { dropAbsent, recorded } from "./recorded.ts";
import type { Desired, Source } from "./source.ts";

/** A table of millions takes seconds to read, and no pod waits for it. */
const DEADLINE_MS = 120_000;

/** A function that is called for each stale entry, with the reason, the owner, and the words about the rules if they alone have decided. */
export type OnStale = (
	e: Entry,
	reason: RemovalReason,
	owner: string | undefined,
	rules?: string,
) => void;

/** Another look at entries to the node's own addresses, which is made in the same pass and removes nothing. */
export interface Beside {
	readonly ports: readonly PortFilter[];
	/** Is shown one entry of each kind or more, some of them with other ports. */
	look(e: Entry, locals: LocalAddresses): void;
}

/**
 * Makes the table agree with all the sources; with "count" it changes nothing. Calls
 * `found` for each stale entry. The report holds what failed. Throws only what a source
 * throws while it is made.
 */
export async function reconcile(
	{ host, log }: Context,
	sources: readonly Source[],
	action: Action,
	found?: OnStale,
	beside?: Beside,
): Promise<Report> {
	let locals = new LocalAddresses();
	const desired = sources.map((source) => source((ip) => locals.has(ip)));
	const ports = desired.flatMap((d) => d.ports);
	/** Returns the source that the entry contradicts, unless it is right for another one. */
	const contradicted = (e: Entry): Desired | undefined => {
		const by = desired.find((d) => d.judge(e) !== undefined);
		// most entries are healthy, and end here
		if (!by) return undefined;
		return desired.some((d) => d !== by && d.serves(e)) ? undefined : by;
	};
	const looked = [...ports, ...(beside?.ports ?? [])];
	const hostIPs = desired.flatMap((d) => d.hostIPs ?? []);
	const prefilter = (): Prefilter => {
		const addresses = new Prefilter("orig.dst");
		locals.addTo(addresses);
		for (const ip of hostIPs) addresses.add(ipBytes(ip));
		return addresses;
	};
	return flush(
		host,
		{
			prepare: async (shared) => {
				locals = await shared.locals(familiesIn(looked));
				return {
					ports: looked,
					...(desired.every((d) => d.hostIPs) && { prefilter }),
					judge(e) {
						beside?.look(e, locals);
						return contradicted(e)?.judge(e);
					},
					isCacheable:
						!found && desired.every((d) => d.judge === d.judgesKinds),
					// nothing that comes meanwhile loses its entries by a look
					...(action !== "count" && {
						refresh: () => desired.some((d) => d.refresh?.()),
					}),
					async confirm() {
						// rules for the ports of another look alone are not asked for
						shared.ports = ports;
						return confirmByRules(shared, log, {
							claims: (e) => contradicted(e)?.claims?.(e),
							isSpared: (e) => contradicted(e)?.isSpared?.(e) ?? false,
						});
					},
					...(found && {
						onRemoval: (e, reason) =>
							found(
								e,
								reason,
								first(desired, (d) => d.owner(e)),
							),
					}),
				};
			},
			action,
		},
		log,
		new Deadline(host, DEADLINE_MS),
	);
}

/**
 * Makes the table agree with the attachments of the node, and logs what it did, if
 * anything. Before that it finishes unfinished DELs and, with libcni's cache, deletes
 * the records of attachments that ended without us. Throws SysError if the directory
 * of records cannot be read.
 */
export async function reconcileAttachments(
	context: Context,
	cache?: CacheSource,
): Promise<Report> {
	const { host, dataDir } = context;
	const left = leftBehind(host, dataDir);
	if (!cache) await finishDels(context);
	const snapshot = cache && (await dropAbsent(context, cache));
	const source = recorded(context, cache, snapshot);
	const report = await reconcile(context, [source], "delete");
	if (report.error === undefined) takeUp(host, dataDir, left);
	logRepair(context, report);
	return report;
}

/** Logs a pass of a loop, unless nothing was wrong, as most of the time. */
export function logRepair(context: Context, report: Report): void {
	if (report.reasons.size > 0 || report.error !== undefined)
		logReport(context, report);
}
