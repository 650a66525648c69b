// The requests of a burst in one pass: the planner sees the ports of all, each entry is
// judged by the searches that its ports concern, and each request has a report of its own.

import type { Entry } from "../conntrack/entry.ts";
import type { FlushFilter } from "../conntrack/messages.ts";
import { Conntrack } from "../conntrack/table.ts";
import type { Host } from "../host.ts";
import { isUsedUp, type Log } from "../log.ts";
import { PortIndex } from "../net/portindex.ts";
import type { Proto } from "../net/proto.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { first } from "../policy/mapping.ts";
import { type Finder, find } from "./find.ts";
import { type Removals, removalsFor } from "./removals.ts";
import { emptyReport, finished, type Report } from "./report.ts";
import type {
	Action,
	RemovalReason,
	Removed,
	Request,
	Search,
} from "./search.ts";
import { Shared } from "./shared.ts";

/** One request of the pass. */
interface Part {
	readonly action: Action;
	readonly search: Search;
	readonly removals: Removals;
}

/**
 * Removes the entries that the requests judge stale, and returns their reports in the same
 * order. What the pass as a whole has kept is in the first. Never throws: an error of the
 * pass is in every report, and one of a request in its own.
 */
export async function flushTogether(
	host: Host,
	requests: readonly Request[],
	log: Log,
	deadline: Deadline,
): Promise<Report[]> {
	const begun = host.ticks();
	const reports = requests.map(emptyReport);
	const seen = emptyReport();
	const table = new Conntrack(host, deadline);
	const shared = new Shared(host, deadline);
	try {
		const entries = await table.count();
		if (entries > 0) {
			const parts: Part[] = [];
			for (const [i, { action, prepare }] of requests.entries()) {
				const report = reports[i] as Report;
				try {
					const search = await prepare(shared);
					const removals = removalsFor(table, action, search, report);
					parts.push({ action, search, removals });
				} catch (e) {
					report.error = e;
				}
			}
			shared.ports = parts.flatMap(({ search }) => search.ports);
			await findAll(host, table, entries, parts, shared, seen, log);
		}
	} catch (e) {
		// what was thrown may be null
		seen.error = isUsedUp(e) ? new Error("out of memory") : e;
	} finally {
		table.close();
		await shared.close();
	}
	const { how, scanned, error } = seen;
	for (const report of reports)
		Object.assign(report, {
			how,
			error: error ?? report.error,
			...(requests.length > 1 && { shared: requests.length }),
			scanned: { ...scanned, kept: 0 },
		});
	const [head] = reports;
	if (head) head.kept += seen.kept + scanned.kept;
	return reports.map((r) => finished(r, host.ticks() - begun));
}

function findAll(
	host: Host,
	table: Conntrack,
	entries: number,
	parts: readonly Part[],
	shared: Shared,
	seen: Report,
	log: Log,
): Promise<void> {
	const concerned = byPorts(parts.toSorted((a, b) => rank(a) - rank(b)));
	const { filters, ownerOf } = filtersOf(parts);
	const finder: Finder = {
		settle: (found) => settle(found, concerned),
		flushed: (filter, shrank) =>
			ownerOf.get(filter)?.removals.flushed(filter, shrank),
	};
	const wanted = {
		ports: shared.ports,
		isJoint: parts.length > 1,
		isCacheable: parts.every(({ search }) => search.isCacheable === true),
		judge: (e: Entry) => first(concerned(e), ({ search }) => search.judge(e)),
		filters,
	};
	return find(host, table, entries, wanted, seen, finder, log);
}

/**
 * The order in which requests have an entry that several want. An ADD that deletes comes
 * before a DEL that lets the entry live for two more seconds: the ADD's pod waits for it.
 */
function rank({ action }: Part): number {
	return action === "delete" ? 0 : action === "count" ? 2 : 1;
}

/** Returns the filters of all requests, if every one of them has such. */
function filtersOf(parts: readonly Part[]): {
	readonly filters: readonly FlushFilter[] | undefined;
	readonly ownerOf: ReadonlyMap<FlushFilter, Part>;
} {
	const ownerOf = new Map<FlushFilter, Part>();
	for (const part of parts) {
		const { filters } = part.search;
		if (part.action !== "delete" || !filters)
			return { filters: undefined, ownerOf };
		for (const filter of filters) ownerOf.set(filter, part);
	}
	return { filters: [...ownerOf.keys()], ownerOf };
}

type Concerned = (e: Entry) => readonly Part[];

/** Indexes requests by their ports, so that judging an entry costs the same for one request and for a hundred. */
function byPorts(parts: readonly Part[]): Concerned {
	const came = new PortIndex<Part>();
	const replied = new PortIndex<Part>();
	const anyPort = new Map<Proto, Part[]>();
	for (const part of parts)
		for (const { proto, hostPort, side, count } of part.search.ports) {
			const index = side === "reply" ? replied : came;
			if (hostPort === null)
				anyPort.set(proto, [...(anyPort.get(proto) ?? []), part]);
			else if (count === undefined) index.add(proto, hostPort, part);
			else index.addRow(proto, hostPort, count, () => part);
		}
	return ({ proto, orig, reply }) => {
		const all = new Set([
			...came.get(proto, orig.dport),
			...replied.get(proto, reply.dport),
			...(anyPort.get(proto as Proto) ?? []),
		]);
		// their order is that of the parts
		return all.size < 2 ? [...all] : parts.filter((part) => all.has(part));
	};
}

/** A request that wants an entry, and why. */
interface Taker {
	readonly part: Part;
	readonly reason: RemovalReason;
}

/** Hands each entry to the first request that wants it. What its confirmation spares is for the next. */
async function settle(
	found: readonly Removed[],
	concerned: Concerned,
): Promise<void> {
	const takers = new Map<Entry, readonly Taker[]>();
	const takersOf = (e: Entry): readonly Taker[] => {
		let list = takers.get(e);
		if (!list) {
			list = concerned(e).flatMap((part) => {
				const reason = part.search.judge(e);
				return reason === undefined ? [] : [{ part, reason }];
			});
			takers.set(e, list);
		}
		return list;
	};
	let open = found;
	for (let round = 0; open.length > 0; round++) {
		const shares = new Map<Part, Removed[]>();
		for (const removal of open) {
			const taker = takersOf(removal.example)[round];
			if (!taker) continue;
			const { part, reason } = taker;
			const own = reason === removal.reason ? removal : { ...removal, reason };
			const share = shares.get(part);
			if (share) share.push(own);
			else shares.set(part, [own]);
		}
		const spared: Removed[] = [];
		for (const [{ removals }, share] of shares) {
			const settled = new Set(await removals.settle(share));
			spared.push(...share.filter((removal) => !settled.has(removal)));
		}
		open = spared;
	}
}
