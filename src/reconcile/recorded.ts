// The node's attachments as a source of desired state, and the end of attachments whose
// DEL never came to us. How entries are judged is in policy/stale.ts.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { collectGarbage } from "../flush/gc.ts";
import { cacheName } from "../libcni/cache.ts";
import { wordsOf } from "../log.ts";
import type { IP } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
import { begunByDeparted } from "../policy/begun.ts";
import {
	type Attachment,
	addressesOf,
	addTo,
	byPort,
	first,
	isSameMapping,
	leadsTo,
	type Mapping,
	type PortRow,
} from "../policy/mapping.ts";
import { type Reason, servedBy, staleOnAdd } from "../policy/stale.ts";
import { readDepartures } from "../state/departures.read.ts";
import {
	type CacheSource,
	liveAttachments,
	namesOf,
	type Snapshot,
	takeSnapshot,
} from "../state/liveness.ts";
import type { Source } from "./source.ts";

/** Much shorter than what a chain of plugins takes between a pod's DEL and another pod's first packet. */
const REFRESH_MS = 10;

/**
 * Deletes the records of attachments that libcni has ended without us, removes what
 * they left in the table, and finishes unfinished DELs. Returns the snapshot if there
 * was nothing to do, so that it still holds. Throws SysError if the directory of
 * records cannot be read.
 */
export async function dropAbsent(
	context: Context,
	cache: CacheSource,
): Promise<Snapshot | undefined> {
	const snapshot = takeSnapshot(context, cache);
	const { dead, cached } = snapshot;
	if (dead.length === 0) return snapshot;
	for (const a of dead) {
		const { network, containerID, ifname, pod } = a;
		if (!a.unfinished)
			context.log("info", "gone without us", {
				network,
				containerID,
				ifname,
				pod,
			});
	}
	const { errors } = await collectGarbage(
		context,
		() => false,
		dead,
		() => cached,
	);
	for (const e of errors)
		context.log("warn", "cannot forget", { error: wordsOf(e) });
	return undefined;
}

/** Returns a test for entries that lead to a live attachment through its mapping. Throws SysError if the directory of records cannot be read. */
export function leadingToLive(
	context: Context,
	cache: CacheSource,
): (e: Entry) => boolean {
	const live = liveAttachments(context, cache);
	const mapped = byPort(live.flatMap((a) => a.mappings));
	return (e) => mapped(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
}

/**
 * Returns the attachments' mappings as a source; each is judged as when it was added,
 * and the rules confirm it. If two pods have the same hostPort, one that is going and
 * one that has come, the rules know whose rule is first. Where they cannot be read, each
 * keeps its entries, and an entry that leads to a cached attachment is kept, whatever is
 * recorded.
 *
 * Entries that a pod began from its hostPort before it left are stale if nobody has its
 * address. Only libcni's cache can tell that, because a pod without hostPorts has no
 * record; so this counts for hostPorts of attachments that are cached.
 *
 * Reading a large table takes seconds, in which a pod may go and another may get its
 * port. So records and cache are looked at again before an entry is called stale, and
 * a mapping that is no longer there decides nothing. `snapshot` was taken just now.
 */
export function recorded(
	context: Context,
	cache?: CacheSource,
	snapshot?: Snapshot,
): Source {
	const { host, dataDir } = context;
	return (isLocal) => {
		const departed = cache
			? readDepartures(host, dataDir)
			: new Map<IP, unknown>();
		let names = "";
		let all: readonly Attachment[] = [];
		/** Made for the first entry whose owner is asked for: it is the largest of the indexes. */
		let owners: PortIndex<readonly [Mapping, Attachment]> | undefined;
		let mapped = byPort([]);
		let leading = byPort([]);
		let served = servedBy([]);
		/** The mappings whose frontends may be taken by what departed pods began. */
		let takeable: readonly PortRow[] = [];
		/** Those that were takeable at first. */
		let named: ReadonlySet<string> | undefined;
		let takenBy = (_: Entry): Mapping | undefined => undefined;
		let lookedAt = 0;
		const read = (now: Snapshot): void => {
			lookedAt = now.at;
			names = now.names;
			all = now.live;
			owners = undefined;
			mapped = byPort(all.flatMap((a) => a.mappings));
			leading =
				now.cached.length === 0
					? mapped
					: byPort([...all, ...now.cached].flatMap((a) => a.mappings));
			served = servedBy(all);
			const cachedNames = new Set(now.cached.map(cacheName));
			takeable =
				departed.size === 0
					? []
					: all
							.filter((a) => cachedNames.has(cacheName(a)))
							.flatMap((a) => a.mappings);
			// `ports` names them once: of other ports, an entry is not told from those of its kind
			named ??= new Set(takeable.map(rowKey));
			takeable = takeable.filter((row) => named?.has(rowKey(row)));
			const held = new Set<IP>([
				...all.flatMap(addressesOf),
				...now.cached.flatMap(({ ips }) => ips),
			]);
			takenBy = begunByDeparted(
				takeable,
				departed,
				(ip) => now.isCutShort || held.has(ip),
				isLocal,
			);
		};
		read(snapshot ?? takeSnapshot(context, cache));
		const mappingsOf = (e: Entry): readonly Mapping[] =>
			mapped(e.proto, e.orig.dport);
		const serves = (e: Entry): boolean =>
			leading(e.proto, e.orig.dport).some((m) => leadsTo(m, e));
		const stale = (e: Entry): Reason | undefined =>
			first(mappingsOf(e), (m) => staleOnAdd(m, e, isLocal));
		const judge = (e: Entry): Reason | undefined =>
			stale(e) ?? (takenBy(e) === undefined ? undefined : "begun-by-pod");
		return {
			ports: [
				...all.flatMap((a) => a.mappings),
				...takeable.map((m) => ({ ...m, side: "reply" as const })),
			],
			hostIPs: all
				.flatMap((a) => a.mappings)
				.map(({ hostIP }) => hostIP)
				.filter((ip) => ip !== null),
			judge,
			// what a departed pod began has replies to one of the ports
			judgesKinds: judge,
			serves,
			// no rule has made what a pod began
			claims: (e) => (stale(e) === undefined ? undefined : mappingsOf(e)),
			isSpared: (e) => served(e) || serves(e),
			owner(e) {
				const contradicted = mappingsOf(e).find(
					(m) => staleOnAdd(m, e, isLocal) !== undefined,
				);
				const m = contradicted ?? takenBy(e);
				owners ??= ownersOf(all);
				return (
					m &&
					owners
						.get(m.proto, m.hostPort)
						.find(([own]) => isSameMapping(own, m))?.[1].pod
				);
			},
			refresh() {
				if (host.ticks() - lookedAt < REFRESH_MS) return false;
				lookedAt = host.ticks();
				if (namesOf(context, cache) === names) return false;
				read(takeSnapshot(context, cache));
				return true;
			},
		};
	};
}

/** Returns the mappings by their hostPorts, each with its attachment. */
function ownersOf(
	attachments: readonly Attachment[],
): PortIndex<readonly [Mapping, Attachment]> {
	const owners = new PortIndex<readonly [Mapping, Attachment]>();
	for (const a of attachments)
		for (const m of a.mappings) addTo(owners, m, (own) => [own, a] as const);
	return owners;
}

/** Returns what is the same of rows of the same ports. */
function rowKey({ family, proto, hostPort, count }: PortRow): string {
	return `${family} ${proto} ${hostPort} ${count}`;
}
