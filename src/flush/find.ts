// Finds the entries that a search is about, in the cheapest way that the kernel offers.
// What becomes of them is the caller's.

import type { Entry } from "../conntrack/entry.ts";
import type {
	DumpFilter,
	FlushFilter,
	PortFilter,
} from "../conntrack/messages.ts";
import type { Prefilter } from "../conntrack/prefilter.ts";
import { PortSet } from "../conntrack/skip.ts";
import type { Conntrack, ScanCount } from "../conntrack/table.ts";
import { judgeOne, VerdictCache } from "../conntrack/verdictcache.ts";
import type { Host } from "../host.ts";
import type { Log } from "../log.ts";
import { areMany } from "../net/portindex.ts";
import { costs, type Plan, plan, type Situation } from "../policy/plan.ts";
import type { RemovalReason, Removed, Wanted } from "./search.ts";

/** So many stale entries are collected before they are removed: memory does not grow with their number. */
const PENDING = 100;
/** For a search of many ports or many requests, and for removals by all records, it is more, because the rules are asked for each such part, and once for each request in it. */
const PENDING_OF_MANY = 1000;
const BUCKETS = "/proc/sys/net/netfilter/nf_conntrack_buckets";
/** The kernel's default on machines of more than 4 GB. */
const DEFAULT_BUCKETS = 262144;
/** Counts the entries of all namespaces and those just freed. It exists with CONFIG_SLUB_DEBUG, which distributions set. */
const OBJECTS = "/sys/kernel/slab/nf_conntrack/total_objects";
/** A pass over fewer entries is over before others could be served with it. */
const WORTH_LEAVING = 32_768;
/** After each of the first LEAVING parts of the table, a pass may be left. A filtered dump shows few of the entries that the kernel passes. */
const PARTS = 64;
const LEAVING = 6;
/** A smaller table is not sampled, because the sample would be a large part of it. */
export const WORTH_A_SAMPLE = 4096;

/** What becomes of the entries that were found. */
export interface Finder {
	/** Treats entries that `judge` gave a reason for. */
	settle(found: readonly Removed[]): Promise<void>;
	/** Is told by how many entries the table shrank when the kernel flushed by a filter. */
	flushed(filter: FlushFilter, shrank: number): void;
	/** Is asked a few times in the first tenth of a long pass, as long as nothing was settled. The pass ends at once if it returns true. */
	readonly leaves?: Leaves | undefined;
}

/** Returns true if a pass should be left, because others wait who could be served by another one. */
export type Leaves = () => boolean;

/** What a pass has seen. */
export interface PassCount {
	/** How the entries were found; "nothing" where there was nothing to look for. */
	how: Plan["how"] | "nothing";
	/** Entries of the ports that were judged healthy; unknown after a kernel flush. */
	kept: number;
	/** True if the pass was left, and nothing was removed. */
	isLeft?: boolean;
	readonly scanned: ScanCount;
}

/**
 * Looks for the entries in a table of `entries`, and counts what it sees in `seen`.
 * Throws NetlinkError, SysError or DeadlineError; until then `finder` has treated what
 * was found.
 */
export async function find(
	host: Host,
	table: Conntrack,
	entries: number,
	wanted: Wanted,
	seen: PassCount,
	finder: Finder,
	log: Log,
): Promise<void> {
	const { ports, filters } = wanted;
	if (ports.length === 0) return;
	let situation = situationOf(host, entries, ports, filters);
	let chosen = plan(situation);
	if (chosen.how === "kernel-flush") {
		logPlan(log, situation, chosen);
		if (await flushInKernel(table, chosen.filters, entries, seen, finder))
			return;
		situation = { ...situation, filters: undefined };
		chosen = plan(situation);
	}
	if (chosen.how === "scan" && entries >= WORTH_A_SAMPLE) {
		situation = { ...situation, share: await table.shares() };
		chosen = plan(situation);
	}
	logPlan(log, situation, chosen);
	seen.how = chosen.how;
	const dumps = chosen.how === "filtered-dump" ? chosen.dumps : [undefined];
	const leaves =
		finder.leaves && entries >= WORTH_LEAVING
			? atParts(entries, seen, finder.leaves)
			: undefined;
	for (const dump of dumps) {
		await pass(table, wanted, seen, { ...finder, leaves }, dump);
		if (seen.isLeft) return;
	}
}

/** Returns a function to be called often, which asks `leaves` seldom: looking who waits takes as long as dozens of entries. */
function atParts(
	entries: number,
	{ scanned }: PassCount,
	leaves: Leaves,
): Leaves {
	const part = entries / PARTS;
	let next = part;
	return () => {
		if (scanned.entries < next || next > LEAVING * part) return false;
		next += part;
		return leaves();
	};
}

/** Returns what a plan is made of. */
export function situationOf(
	host: Host,
	entries: number,
	ports: readonly PortFilter[],
	filters: readonly FlushFilter[] | undefined,
): Situation {
	return {
		entries,
		everywhere: Math.max(entries, readNumber(host, OBJECTS) ?? 0),
		buckets: readNumber(host, BUCKETS) ?? DEFAULT_BUCKETS,
		ports,
		filters,
	};
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
	seen: PassCount,
	finder: Finder,
): Promise<boolean> {
	let before = entries;
	for (const filter of filters) {
		if (!(await table.kernelFlush(filter))) return false;
		seen.how = "kernel-flush";
		const now = await table.count();
		const shrank = Math.max(0, before - now);
		before = now;
		if (shrank > 0) finder.flushed(filter, shrank);
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

async function pass(
	table: Conntrack,
	{
		ports,
		prefilter,
		judge: judgeWanted,
		isCacheable,
		refresh,
		isJoint,
	}: Wanted,
	seen: PassCount,
	{ settle, leaves }: Finder,
	filter: DumpFilter | undefined,
): Promise<void> {
	const wanted = portSetOf(ports, filter, prefilter?.());
	const isLong = isJoint || (isCacheable && refresh) || areMany(ports);
	const most = isLong ? PENDING_OF_MANY : PENDING;
	let pending: Removed[] = [];
	let isUntouched = true;
	const settlePending = (): Promise<void> => {
		const found = pending;
		pending = [];
		isUntouched = false;
		return settle(found);
	};
	// an entry whose layout hides its ports comes here too, and is not one of ours; nor
	// is a healthy one that has a port only where its replies come to
	let others = 0;
	const judge = (e: Entry): RemovalReason | undefined => {
		const came = wanted.has(e.proto, e.orig.dport);
		const reason =
			came || wanted.hasReply(e.proto, e.reply.dport)
				? judgeWanted(e)
				: undefined;
		if (!came && reason === undefined) others++;
		return reason;
	};
	// entries of one dump may have replies to ports that another one is about
	const { replies } = filter ? portSetOf(ports.filter((p) => p.side)) : wanted;
	let cache = isCacheable ? new VerdictCache(judge, replies) : undefined;
	try {
		await table.pass(
			wanted,
			seen.scanned,
			(b, m) => {
				let removal = cache ? cache.judge(b, m) : judgeOne(judge, b, m);
				if (removal !== undefined && refresh?.()) {
					cache &&= new VerdictCache(judge, replies);
					removal = judgeOne(judge, b, m);
				}
				if (removal === undefined) seen.kept++;
				else pending.push(removal);
			},
			async () => {
				if (pending.length >= most) await settlePending();
				else if (isUntouched && leaves?.()) {
					// the pass that serves all finds them again
					pending = [];
					seen.isLeft = true;
					return true;
				}
				return false;
			},
			filter,
		);
	} finally {
		seen.kept -= others;
		// a scan that failed has found entries too
		await settlePending();
	}
}

/** Returns the ports as a set; with `dump`, those of which entries come in it. */
export function portSetOf(
	ports: readonly PortFilter[],
	dump?: DumpFilter,
	prefilter?: Prefilter,
): PortSet {
	const set = new PortSet(prefilter);
	// all ports before some, because then they are added at once
	for (const isAll of [true, false])
		for (const { family, proto, hostPort, side, count } of ports)
			if (
				(hostPort === null) === isAll &&
				(!dump ||
					(family === dump.family &&
						proto === dump.proto &&
						(dump.hostPort === null ||
							(dump.hostPort === hostPort && dump.side === side))))
			)
				set.add(proto, hostPort, side, count);
	return set;
}
