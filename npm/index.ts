// The library: what a Node program needs to see, judge and remove entries as the command
// line does. docs/library.md describes what is exported here; nothing else is public.

import { nodeHost } from "../plugin/host/node.ts";
import { othersOf } from "../src/cli/anyproto.ts";
import { ipvsNotes } from "../src/cli/ipvs.ts";
import { list as listing } from "../src/cli/listing.ts";
import { readRecords } from "../src/cli/records.ts";
import { flushMeant, flushStale } from "../src/cli/removing.ts";
import { asListed, type ListedEntry } from "../src/cli/rows.ts";
import type { Entry } from "../src/conntrack/entry.ts";
import type { Key } from "../src/conntrack/messages.ts";
import { Conntrack } from "../src/conntrack/table.ts";
import { failureOf, refusals, total } from "../src/flush/report.ts";
import type { FullHost } from "../src/host.ts";
import { isMapped } from "../src/net/otherprotos.ts";
import { Deadline } from "../src/netlink/deadline.ts";
import { isNodesOwn } from "../src/policy/selection.ts";
import { drained } from "./drained.ts";
import {
	type FlushOptions,
	type ListOptions,
	readFlushOptions,
	readListOptions,
} from "./options.ts";

export type { ListedTuple } from "../src/cli/ends.ts";
export type { ListedAttachment, ListedEntry } from "../src/cli/rows.ts";
export { UsageError } from "../src/cli/usage.ts";
export type { FlushOptions, ListOptions, Where } from "./options.ts";

/** What a flush has done. */
export interface FlushResult {
	/** Entries that had to go; with `dryRun` they are still there. */
	readonly found: number;
	readonly removed: number;
	/** Entries that ended or were replaced before they could be removed. */
	readonly alreadyGone: number;
	/** Entries of the ports that were looked at and left. */
	readonly kept: number;
	/** The entries that had to go, by reason: `other-pod`, `no-dnat`, `asked`, … */
	readonly reasons: Readonly<Record<string, number>>;
	readonly ms: number;
}

/** What a removal of listed entries has done. */
export interface RemoveResult {
	readonly removed: number;
	/** Entries that ended or were replaced since they were listed. */
	readonly alreadyGone: number;
}

const REMOVE_MS = 600_000;

/** The entries that lists have yielded. Only these can be removed: what identifies an entry for the kernel is never made from a program's data. */
const listed = new WeakMap<ListedEntry, Entry>();

/**
 * Yields the entries that `conntrack-flush list` shows with the same words, with the
 * verdict on each, while the table is read. The kernel waits while the program does, so
 * memory does not grow with the table. Throws UsageError for a wrong option, and
 * an error with `errno` if conntrack cannot be read: 1 (EPERM) without CAP_NET_ADMIN.
 */
export async function* list(
	options: ListOptions = {},
): AsyncGenerator<ListedEntry, void, undefined> {
	const host = libraryHost();
	const { selection, protos, all, stale, cache, context } = readListOptions(
		host,
		options,
	);
	const others = othersOf(selection, protos, { all, stale });
	const { dataDir } = context;
	const query = { selection, all, others, stale, dataDir, cache };
	const ipvs = ipvsNotes(host);
	yield* drained<ListedEntry>(async (put, rest) => {
		const printer = {
			row(row: Parameters<typeof asListed>[0]) {
				const entry = asListed(row);
				listed.set(entry, row.entry);
				put(entry);
			},
			rest,
			end() {},
		};
		await listing(host, query, { printer, ipvs });
	});
}

/**
 * Removes the entries that `list` yields with the same conditions, or only counts them.
 * One condition is needed: a hostPort, a pod, `from`, `to`, `leadsTo`, `answeredAt` or
 * `stale`. Without `proto`, entries of UDP alone are removed, but with `stale` those of UDP, TCP and
 * SCTP. Throws UsageError for a wrong option and for one that is unknown, and the error of
 * what could not be removed.
 */
export async function flush(options: FlushOptions): Promise<FlushResult> {
	const host = libraryHost();
	const { selection, stale, rules, dryRun, cache, context } = readFlushOptions(
		host,
		options,
	);
	if (stale) readRecords(host, context.dataDir);
	const action = dryRun ? "count" : "delete";
	const report = stale
		? await flushStale(context, cache, selection, rules, action, undefined)
		: await flushMeant(context, selection, action, undefined);
	const failure = failureOf(report);
	if (failure !== undefined) throw failure;
	return {
		found: total(report.reasons.values()),
		removed: report.deleted,
		alreadyGone: report.expired,
		kept: report.kept,
		reasons: Object.fromEntries(report.reasons),
		ms: report.ms,
	};
}

/**
 * Removes exactly these entries, which `list` has yielded. One that was replaced since
 * then stays, and counts as gone. Throws TypeError, and removes nothing, if one is not of
 * `list`, is of another protocol than UDP, TCP and SCTP, or is a connection without NAT,
 * which belongs to a listener of the node.
 */
export async function remove(
	entries: Iterable<ListedEntry>,
): Promise<RemoveResult> {
	const keys = [...entries].map(keyOf);
	const host = libraryHost();
	const table = new Conntrack(host, new Deadline(host, REMOVE_MS));
	try {
		const { done, expired, failed } = await table.remove(keys);
		if (failed.size > 0)
			throw new Error(`the kernel refused to remove ${refusals(failed)}`);
		return { removed: done, alreadyGone: expired };
	} finally {
		table.close();
	}
}

/** Returns the number of all entries of this network namespace, without reading them. Throws as `list`. */
export async function count(): Promise<number> {
	const host = libraryHost();
	const table = new Conntrack(host, new Deadline(host, REMOVE_MS));
	try {
		return await table.count();
	} finally {
		table.close();
	}
}

function keyOf(entry: ListedEntry): Key {
	const found = listed.get(entry);
	if (found === undefined)
		throw new TypeError("remove: not an entry that list() has yielded");
	if (!isMapped(found.proto))
		throw new TypeError(`remove: not of udp, tcp or sctp: ${entry.proto}`);
	if (isNodesOwn(found))
		throw new TypeError(
			`remove: a connection without NAT, to ${entry.orig.dst} port ${entry.orig.dport}`,
		);
	return found.key;
}

/** Returns a host that leaves the program's output and its signals alone: what the command line writes for people becomes a warning of Node. */
function libraryHost(): FullHost {
	const host: FullHost = {
		...nodeHost([]).full(),
		write: (_, text) =>
			process.emitWarning(text.trim(), { type: "ConntrackFlushWarning" }),
		signal: () => undefined,
		full: () => host,
	};
	return host;
}
