// A flush: one request, from the count of entries to the last removal. This is the
// place that fails open: whatever conntrack does, the caller gets a report.

import { IPS_FIXED_TIMEOUT, IPS_OFFLOAD } from "../conntrack/constants.ts";
import type { Entry, Target } from "../conntrack/entry.ts";
import type { DumpFilter, FlushFilter } from "../conntrack/messages.ts";
import type { Prefilter } from "../conntrack/prefilter.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack, type RemovalCount } from "../conntrack/table.ts";
import {
	type Judge,
	judgeOne,
	type Removal,
	VerdictCache,
} from "../conntrack/verdictcache.ts";
import type { Host } from "../host.ts";
import type { Log } from "../log.ts";
import { Deadline } from "../netlink/exchange.ts";
import { costs, type Plan, plan, type Situation } from "../policy/plan.ts";
import type { RemovalReason, Report } from "./report.ts";

/** After this time a flush gives up and says so, because a pod must not wait for its conntrack. */
const DEADLINE_MS = 5000;
/** So many stale entries are collected before they are removed: memory does not grow with their number. */
const PENDING = 100;
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
/** The kernel's default on machines of more than 4 GB. */
const DEFAULT_BUCKETS = 262144;
/** Counts the entries of all namespaces and those just freed. It exists with CONFIG_SLUB_DEBUG, which distributions set. */
const OBJECTS = "/sys/kernel/slab/nf_conntrack/total_objects";
/** A smaller table is not sampled, because the sample would be a large part of it. */
const WORTH_A_SAMPLE = 4096;

export interface Request {
	/** Returns what to look for. It is called only if the table has entries. */
	prepare(deadline: Deadline): Promise<Search> | Search;
	readonly action: Action;
	/** In ms; for callers that may take longer than a pod may wait. */
	readonly deadlineMs?: number;
}

export interface Search {
	/** Entries with other ports are not judged; a port stands for one side of an entry. */
	readonly ports: readonly DumpFilter[];
	/** Passes over entries that `judge` would keep, as far as an address tells. */
	readonly prefilter?: Prefilter;
	readonly judge: Judge<RemovalReason>;
	/** True if `judge` looks only at the fields that the verdict cache compares (conntrack/verdictcache.ts). */
	readonly isCacheable?: boolean;
	/** Filters of the kernel that express the same judgement, where that is possible. */
	readonly filters?: readonly FlushFilter[] | undefined;
	/** Opens the confirmation that the verdicts need; without one they stand. It is called with the first of them. */
	readonly confirm?: () => Promise<Confirm>;
	/** Is called for each entry that has to go, if `isCacheable` is not set. */
	readonly onRemoval?: (e: Entry, reason: RemovalReason) => void;
}

/** The second look at entries that were judged stale: what the judge alone cannot know. */
export interface Confirm {
	/** Returns the removals that stand. Throws DeadlineError. */
	of(removals: readonly Removed[]): Promise<readonly Removed[]>;
	close(): void;
}

export type Removed = Removal<RemovalReason>;

/** The treatment of stale entries; "count" leaves them. */
export type Action = "delete" | "count" | { readonly retireSeconds: number };

/** Removes the entries that the request judges stale. Never throws. */
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
		expired: 0,
		kept: 0,
		keptByRules: 0,
		scanned: { entries: 0, kept: 0, undecodable: 0 },
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
			verdict.slice(0, verdict.indexOf("/")) as RemovalReason,
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
	let opened: Confirm | undefined;
	const confirm = async (removals: readonly Removed[]) => {
		if (!search.confirm || removals.length === 0) return removals;
		opened ??= await search.confirm();
		const confirmed = await opened.of(removals);
		report.keptByRules += removals.length - confirmed.length;
		report.kept += removals.length - confirmed.length;
		return confirmed;
	};
	try {
		for (const dump of dumps)
			await dumpAndRemove(table, request.action, search, confirm, report, dump);
	} finally {
		opened?.close();
	}
}

function logPlan(log: Log, situation: Situation, { how }: Plan): void {
	const { entries, everywhere, buckets, ports } = situation;
	log("debug", "planned", {
		how,
		entries,
		everywhere,
		buckets,
		ports: ports.length,
		// estimates of CPU time in ms; a way that is impossible has none
		...Object.fromEntries(
			Object.entries(costs(situation)).filter(([, ms]) => ms !== Infinity),
		),
	});
}

/** Returns false if this kernel has no filtered flush (before Linux 6.12); nothing was deleted then. */
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
		const reason = "origSrc" in filter ? "begun-by-pod" : "dead-pod";
		count(report, reason, filter.proto, shrank);
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
	confirm: Confirm["of"],
	report: Report,
	filter: DumpFilter | undefined,
): Promise<void> {
	const wanted = new PortSet(search.prefilter);
	for (const port of search.ports)
		if (!filter || isIn(filter, port))
			wanted.add(port.proto, port.hostPort, port.side);
	let pending: Removed[] = [];
	const removePending = async (): Promise<void> => {
		const found = pending;
		pending = [];
		const removals = await confirm(found);
		for (const { proto, reason, example } of removals) {
			count(report, reason, proto, 1);
			search.onRemoval?.(example, reason);
		}
		await removeAll(
			table,
			action,
			report,
			removals.map(({ target }) => target),
		);
	};
	// an entry whose layout hides its ports comes here too, and is not one of ours; nor
	// is a healthy one that has a port only where its replies come to
	let others = 0;
	const judge = (e: Entry): RemovalReason | undefined => {
		const came = wanted.has(e.proto, e.orig.dport);
		const reason =
			came || wanted.hasReply(e.proto, e.reply.dport)
				? search.judge(e)
				: undefined;
		if (!came && reason === undefined) others++;
		return reason;
	};
	const cache = search.isCacheable
		? new VerdictCache(judge, wanted)
		: undefined;
	try {
		await table.pass(
			wanted,
			report.scanned,
			(b, m) => {
				const removal = cache ? cache.judge(b, m) : judgeOne(judge, b, m);
				if (removal === undefined) report.kept++;
				else pending.push(removal);
			},
			async () => {
				if (pending.length >= PENDING) await removePending();
			},
			filter,
		);
	} finally {
		report.kept -= others;
		// a scan that failed has found entries too
		await removePending();
	}
}

/** Returns true if entries of this port come in the dump. */
function isIn(
	dump: DumpFilter,
	{ family, proto, hostPort, side }: DumpFilter,
): boolean {
	return (
		family === dump.family &&
		proto === dump.proto &&
		(dump.hostPort === null ||
			(dump.hostPort === hostPort && dump.side === side))
	);
}

async function removeAll(
	table: Conntrack,
	action: Action,
	report: Report,
	targets: readonly Target[],
): Promise<void> {
	if (action === "count") return;
	const seconds = action === "delete" ? 0 : action.retireSeconds;
	const deleting: Target[] = [];
	const retiring: Target[] = [];
	for (const t of targets) {
		// the timeout of an entry that a flowtable forwards never ends (nf_ct_offload_timeout)
		if (seconds === 0 || t.status & IPS_OFFLOAD) deleting.push(t);
		// a second retirement would begin the time anew on kernels before 6.0
		else if (t.status & IPS_FIXED_TIMEOUT) report.expired++;
		else retiring.push(t);
	}
	const tell = (did: "deleted" | "retired", outcome: RemovalCount): void => {
		report[did] += outcome.done;
		report.expired += outcome.expired;
		for (const [errno, n] of outcome.failed) increase(report.failed, errno, n);
	};
	tell("deleted", await table.remove(deleting.map((t) => t.key)));
	tell("retired", await table.retire(retiring, seconds));
}

function count(
	report: Report,
	reason: RemovalReason,
	proto: number,
	n: number,
): void {
	increase(report.verdicts, `${reason}/${proto}`, n);
}

function increase<K>(counts: Map<K, number>, key: K, by: number): void {
	counts.set(key, (counts.get(key) ?? 0) + by);
}
