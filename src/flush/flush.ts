// A flush: one request, from the count of entries to the last removal, and the
// place where it fails open. Whatever conntrack does, the caller gets a report.

import { IPS_OFFLOAD } from "../conntrack/constants.ts";
import type { Entry, Target } from "../conntrack/entry.ts";
import type { DumpFilter, FlushFilter } from "../conntrack/messages.ts";
import type { Sieve } from "../conntrack/prefilter.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack, type Outcome, type ScanCount } from "../conntrack/table.ts";
import { type Judge, judgeOne, Sorts } from "../conntrack/verdictcache.ts";
import type { Host } from "../host.ts";
import type { Log } from "../log.ts";
import { Deadline } from "../netlink/exchange.ts";
import { costs, type Plan, plan, type Situation } from "../policy/plan.ts";
import type { Reason } from "../policy/stale.ts";
import { refusals, total } from "./report.ts";

/** After this an operation gives up and says so: a pod must not wait for its conntrack. */
const DEADLINE_MS = 5000;
/** Entries collected before they are removed, one batch: memory does not grow with what is stale. */
const PENDING = 100;
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
/** The kernel's default on machines of more than 4 GB. */
const DEFAULT_BUCKETS = 262144;
/** Entries of all namespaces and those just freed; only there with CONFIG_SLUB_DEBUG, as distributions set it. */
const OBJECTS = "/sys/kernel/slab/nf_conntrack/total_objects";
/** In a table smaller than this a sample would be much of it. */
const WORTH_A_SAMPLE = 4096;

export interface Request {
	/** Finds out what to look for; asked only if there are entries at all. */
	prepare(deadline: Deadline): Promise<Search> | Search;
	readonly action: Action;
	/** For those who may take longer than a pod may wait; in ms. */
	readonly deadlineMs?: number;
}

export interface Search {
	/** Where to look; entries with other ports are not judged. */
	readonly ports: readonly DumpFilter[];
	/** Holds back entries that `judge` would keep, if that can be told from an address. */
	readonly sieve?: Sieve;
	readonly judge: Judge<Ground>;
	/** Whether `judge` looks at no more of an entry than its sort (netlink/sorts.ts). */
	readonly bySort?: boolean;
	/** The same judgement as filters of the kernel, where it can be said so. */
	readonly filters?: readonly FlushFilter[] | undefined;
}

/** The predicate's, or that somebody asked for it. */
export type Ground = Reason | "asked";

/** What happens to entries that have to go; "count" leaves them. */
export type Action = "delete" | "count" | { readonly retireSeconds: number };

export interface Report {
	/** How the entries were found; "nothing" where the table is empty. */
	how: Plan["how"] | "nothing";
	/** After a kernel flush, which tells no number: by how many the table shrank. */
	deleted: number;
	retired: number;
	/** Judged, but expired or replaced before they could be removed. */
	gone: number;
	/** Of the same port, and found healthy; not known after a kernel flush. */
	kept: number;
	/** Entries in the table, and those of them that could not be decoded. */
	readonly scanned: ScanCount;
	readonly reasons: Map<Ground, number>;
	/** The same by `reason/protocol number`. */
	readonly verdicts: Map<string, number>;
	/** Removals that the kernel refused, by errno. */
	readonly failed: Map<number, number>;
	ms: number;
	/** What ended the flush early; entries may be left. */
	error: unknown;
}

/** What kept a flush from removing all that had to go, or undefined. */
export function failureOf({ error, failed }: Report): unknown {
	if (error !== undefined || failed.size === 0) return error;
	return new Error(
		`the kernel refused to remove ${total(failed.values())} (${refusals(failed)})`,
	);
}

/** Removes the entries that `request` judges. Never throws. */
export async function flush(
	host: Host,
	request: Request,
	log: Log,
): Promise<Report> {
	const begun = host.ticks();
	const report: Report = {
		how: "nothing",
		deleted: 0,
		retired: 0,
		gone: 0,
		kept: 0,
		scanned: { entries: 0, kept: 0, odd: 0 },
		reasons: new Map(),
		verdicts: new Map(),
		failed: new Map(),
		ms: 0,
		error: undefined,
	};
	const deadline = new Deadline(host, request.deadlineMs ?? DEADLINE_MS);
	const table = new Conntrack(host, deadline);
	try {
		await run(host, table, deadline, request, report, log);
	} catch (e) {
		report.error = e;
	} finally {
		table.close();
	}
	report.kept += report.scanned.kept;
	for (const [verdict, n] of report.verdicts)
		increase(
			report.reasons,
			verdict.slice(0, verdict.indexOf("/")) as Ground,
			n,
		);
	report.ms = host.ticks() - begun;
	return report;
}

async function run(
	host: Host,
	table: Conntrack,
	deadline: Deadline,
	request: Request,
	report: Report,
	log: Log,
): Promise<void> {
	const entries = await table.count();
	if (entries === 0) return;
	const search = await request.prepare(deadline);
	const { ports } = search;
	if (ports.length === 0) return;
	let situation: Situation = {
		entries,
		everywhere: Math.max(entries, readNumber(host, OBJECTS) ?? 0),
		buckets: readNumber(host, BUCKETS) ?? DEFAULT_BUCKETS,
		ports,
		filters: request.action === "delete" ? search.filters : undefined,
	};
	let chosen = plan(situation);
	if (chosen.how === "kernel-flush") {
		logPlan(log, situation, chosen);
		if (await flushInKernel(table, chosen.filters, entries, report)) return;
		situation = { ...situation, filters: undefined };
		chosen = plan(situation);
	}
	if (chosen.how === "scan" && entries >= WORTH_A_SAMPLE) {
		const sample = await table.sample();
		const share = (p: DumpFilter): number => sample.share(p.family, p.proto);
		situation = { ...situation, share };
		chosen = plan(situation);
	}
	logPlan(log, situation, chosen);
	report.how = chosen.how;
	const dumps = chosen.how === "filtered-dump" ? chosen.dumps : [undefined];
	for (const dump of dumps)
		await dumpAndRemove(table, request.action, search, report, dump);
}

function logPlan(log: Log, situation: Situation, { how }: Plan): void {
	const { entries, everywhere, buckets, ports } = situation;
	log("debug", "planned", {
		how,
		entries,
		everywhere,
		buckets,
		ports: ports.length,
		// estimates of CPU time in ms; what cannot be done has none
		...Object.fromEntries(
			Object.entries(costs(situation)).filter(([, ms]) => ms !== Infinity),
		),
	});
}

/** False if this kernel cannot (before Linux 6.12); then nothing has happened. */
async function flushInKernel(
	table: Conntrack,
	filters: readonly FlushFilter[],
	entries: number,
	report: Report,
): Promise<boolean> {
	let before = entries;
	for (const filter of filters) {
		if (!(await table.kernelFlush(filter))) return false;
		report.how = "kernel-flush";
		const now = await table.count();
		const shrank = Math.max(0, before - now);
		before = now;
		if (shrank === 0) continue;
		report.deleted += shrank;
		count(report, "dead-pod", filter.proto, shrank);
	}
	return true;
}

function readNumber(host: Host, path: string): number | undefined {
	try {
		const n = Number.parseInt(host.readFile(path), 10);
		return Number.isNaN(n) ? undefined : n;
	} catch {
		return undefined;
	}
}

async function dumpAndRemove(
	table: Conntrack,
	action: Action,
	search: Search,
	report: Report,
	filter: DumpFilter | undefined,
): Promise<void> {
	const wanted = new PortSet(search.sieve);
	for (const port of search.ports)
		if (!filter || isOf(filter, port)) wanted.add(port.proto, port.hostPort);
	let pending: Target[] = [];
	const removePending = async (): Promise<void> => {
		const targets = pending;
		pending = [];
		await act(table, action, report, targets);
	};
	// the closer look is also taken at entries whose layout hides their port
	let others = 0;
	const judge = (e: Entry): Ground | undefined => {
		if (wanted.has(e.proto, e.orig.dport)) return search.judge(e);
		others++;
		return undefined;
	};
	const sorts = search.bySort ? new Sorts(judge) : undefined;
	try {
		await table.pass(
			wanted,
			report.scanned,
			(b, m) => {
				const going = sorts ? sorts.look(b, m) : judgeOne(judge, b, m);
				if (going === undefined) {
					report.kept++;
					return;
				}
				count(report, going.ground, going.proto, 1);
				pending.push(going.target);
			},
			async () => {
				if (pending.length >= PENDING) await removePending();
			},
			filter,
		);
	} finally {
		report.kept -= others;
		// also what was found before the scan failed
		await removePending();
	}
}

/** Whether a dump is to be asked for this port. */
function isOf(
	dump: DumpFilter,
	{ family, proto, hostPort }: DumpFilter,
): boolean {
	return (
		family === dump.family &&
		proto === dump.proto &&
		(dump.hostPort === null || dump.hostPort === hostPort)
	);
}

async function act(
	table: Conntrack,
	action: Action,
	report: Report,
	targets: readonly Target[],
): Promise<void> {
	if (action === "count") return;
	const seconds = action === "delete" ? 0 : action.retireSeconds;
	const going: Target[] = [];
	const retiring: Target[] = [];
	// the time of what a flowtable forwards never runs out (nf_ct_offload_timeout)
	for (const t of targets)
		(seconds > 0 && !(t.status & IPS_OFFLOAD) ? retiring : going).push(t);
	const tell = (did: "deleted" | "retired", outcome: Outcome): void => {
		report[did] += outcome.done;
		report.gone += outcome.gone;
		for (const [errno, n] of outcome.failed) increase(report.failed, errno, n);
	};
	tell("deleted", await table.remove(going.map((t) => t.key)));
	tell("retired", await table.retire(retiring, seconds));
}

function count(report: Report, reason: Ground, proto: number, n: number): void {
	increase(report.verdicts, `${reason}/${proto}`, n);
}

function increase<K>(counts: Map<K, number>, key: K, by: number): void {
	counts.set(key, (counts.get(key) ?? 0) + by);
}
