// What the coming and going of a pod means for the table: which entries the
// flush is asked to remove, and the line that is logged about it.

import type { Entry } from "../conntrack/entry.ts";
import { Sieve } from "../conntrack/prefilter.ts";
import type { Host } from "../host.ts";
import { type Level, type Log, once, wordsOf } from "../log.ts";
import { ipBytes } from "../net/ip.ts";
import { portKey } from "../net/proto.ts";
import type { Deadline } from "../netlink/exchange.ts";
import {
	deadFilter,
	deadOfPod,
	deadOnDel,
	leadsTo,
	type Mapping,
	type Node,
	type PodTraffic,
	staleOnAdd,
} from "../policy/stale.ts";
import { handOver } from "../state/spool.ts";
import type { Attachment, AttachmentID } from "../state/store.ts";
import * as attachments from "../state/store.ts";
import { localAddresses } from "./addresses.ts";
import { type Action, flush, type Report, type Search } from "./flush.ts";
import { refusals } from "./report.ts";

/** Where we work: the system, the directory of its attachments, the log. */
export interface Site {
	readonly host: Host;
	readonly dataDir: string;
	readonly log: Log;
	/** What brings us here, for those who count: a CNI verb, or a command. */
	readonly event: string;
}

/** What of a pod that goes may be left in the table. */
export interface Remains {
	readonly mappings: readonly Mapping[];
	readonly pods: readonly PodTraffic[];
}

/** Records the attachment and removes what would keep its traffic from it. Never throws. */
export async function arrive(site: Site, a: Attachment): Promise<void> {
	// what the directory refuses is told once
	const records = { ...site, log: once(site.log) };
	const mode = attempt(records, "cannot record the attachment", () =>
		attachments.record(site.host, site.dataDir, a),
	);
	if (mode !== undefined && (mode & WRITE_BY_OTHERS) !== 0)
		records.log("warn", "others can write to the directory of records", {
			dir: site.dataDir,
			mode: mode.toString(8),
		});
	if (a.mappings.length > 0)
		logReport(site, await flushArrival(site, records, a, "delete"));
}

/** Of group and all: whoever else plants or takes away a record may decide whose entries are alive. */
const WRITE_BY_OTHERS = 0o022;

/** Counts what keeps traffic from the attachment; changes nothing. Never throws. */
export function inspect(site: Site, a: Attachment): Promise<Report> {
	return flushArrival(site, site, a, "count");
}

function flushArrival(
	site: Site,
	records: Site,
	a: Attachment,
	action: "delete" | "count",
): Promise<Report> {
	const prepare = (deadline: Deadline): Promise<Search> =>
		arrival(records, a, deadline);
	return flush(site.host, { prepare, action }, site.log);
}

/**
 * Removes what leads to a pod that goes, unless an attachment that is still
 * there has taken it over; `live` names those, if there is a table to look at.
 * Never throws; the report is logged.
 */
export async function leave(
	site: Site,
	remains: Remains,
	live: () => readonly Attachment[],
	action: Action,
): Promise<Report> {
	const prepare = (): Search => {
		const search = departure(remains, live());
		if (search.ports.length === 0)
			site.log("debug", "left to those who have the address now", {
				mappings: remains.mappings.length,
				pods: remains.pods.length,
			});
		return search;
	};
	const report = await flush(site.host, { prepare, action }, site.log);
	logReport(site, report);
	return report;
}

function departure(remains: Remains, live: readonly Attachment[]): Search {
	// what is taken over whole: a late DEL then costs no look at the table
	const mappings = remains.mappings.filter(
		(m) => !attachments.isInherited(live, m),
	);
	const pods = remains.pods.filter(
		({ podIP }) => !attachments.isAssigned(live, podIP),
	);
	const sieve = new Sieve("reply.src");
	for (const { podIP } of [...mappings, ...pods]) sieve.add(ipBytes(podIP));
	const dying = byPort(mappings);
	const living = byPort(live.flatMap((a) => a.mappings));
	// of a mapping of any address, a live one may have taken single addresses
	const isAlive = (e: Entry): boolean =>
		living(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
	const filters = mappings.map(deadFilter).filter((f) => f !== undefined);
	const isExact =
		pods.length === 0 &&
		filters.length === mappings.length &&
		!mappings.some(({ podIP }) => attachments.isAssigned(live, podIP));
	return {
		ports: [...mappings, ...pods.map((pod) => ({ ...pod, hostPort: null }))],
		sieve,
		bySort: true,
		judge: (e) => {
			const reason =
				first(dying(e.proto, e.orig.dport), (m) => deadOnDel(m, e)) ??
				first(pods, (pod) => deadOfPod(pod, e));
			return reason !== undefined && isAlive(e) ? undefined : reason;
		},
		filters: isExact ? filters : undefined,
	};
}

/**
 * The attachments other than `id` whose records have `word` in them. What cannot
 * be read is logged and taken for absent.
 */
export function othersThan(
	site: Site,
	id: AttachmentID,
	words: readonly string[],
): Attachment[] {
	const found = attempt(site, "cannot read the attachments", () =>
		attachments.all(site.host, site.dataDir, words),
	);
	return (found ?? []).filter((a) => !attachments.isSame(a, id));
}

async function arrival(
	site: Site,
	a: Attachment,
	deadline: Deadline,
): Promise<Search> {
	const { mappings } = a;
	const mappingsOf = byPort(mappings);
	const sieve = new Sieve("orig.dst");
	for (const { hostIP } of mappings)
		if (hostIP !== null) sieve.add(ipBytes(hostIP));
	const wide = mappings.filter((m) => m.hostIP === null);
	let node: Node = { isLocal: () => false, isServed: () => false };
	if (wide.length > 0) {
		const families = new Set(wide.map((m) => m.family));
		const locals = await localAddresses(site.host, families, deadline);
		locals.addTo(sieve);
		// also this attachment's own mappings of single addresses
		const live = [a, ...othersThan(site, a, ['"hostIP":"'])];
		node = { isLocal: (ip) => locals.has(ip), isServed: servedBy(live) };
	}
	return {
		ports: mappings,
		sieve,
		bySort: true,
		judge: (e) =>
			first(mappingsOf(e.proto, e.orig.dport), (m) => staleOnAdd(m, e, node)),
	};
}

/** Whether an entry leads where a mapping of its very address, of one of the attachments, sends it. */
export function servedBy(live: readonly Attachment[]): Node["isServed"] {
	const single = byPort(
		live.flatMap((a) => a.mappings.filter((m) => m.hostIP !== null)),
	);
	return (e) => single(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
}

/** The mappings of a hostPort, so that judging an entry costs no more where there are many. */
export function byPort(
	mappings: readonly Mapping[],
): (proto: number, hostPort: number) => readonly Mapping[] {
	const found = new Map<number, Mapping[]>();
	for (const m of mappings) {
		const key = portKey(m.proto, m.hostPort);
		const same = found.get(key);
		if (same) same.push(m);
		else found.set(key, [m]);
	}
	return (proto, hostPort) => found.get(portKey(proto, hostPort)) ?? [];
}

export function first<T, R>(
	items: readonly T[],
	verdict: (item: T) => R | undefined,
): R | undefined {
	for (const item of items) {
		const found = verdict(item);
		if (found !== undefined) return found;
	}
	return undefined;
}

/** State serves precision, not success: what fails is logged, and we go on without. */
export function attempt<T>(
	site: Site,
	what: string,
	f: () => T,
	level: Level = "warn",
): T | undefined {
	try {
		return f();
	} catch (e) {
		site.log(level, what, { error: wordsOf(e) });
		return undefined;
	}
}

/** One line of what a flush did, and its counts for an agent. */
export function logReport(site: Site, report: Report): void {
	const { log } = site;
	handOver(site, report);
	const { how, failed, scanned, error } = report;
	const level = error !== undefined || failed.size > 0 ? "warn" : "info";
	// the kernel looks at the others itself, and says nothing of them
	const looked = how !== "kernel-flush";
	const reasons = [...report.reasons].map(([reason, n]) => `${reason}:${n}`);
	log(level, error === undefined ? "flushed" : "cannot flush", {
		how,
		deleted: report.deleted,
		kept: looked ? report.kept : undefined,
		gone: looked ? report.gone : undefined,
		retired: report.retired || undefined,
		scanned: looked ? scanned.entries : undefined,
		odd: scanned.odd || undefined,
		refused: refusals(failed) || undefined,
		reasons: reasons.join(",") || undefined,
		ms: Math.round(report.ms),
		error: error === undefined ? undefined : wordsOf(error),
	});
}
