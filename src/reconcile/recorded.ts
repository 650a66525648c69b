// The attachments of the node as a source of desired state: those that were
// recorded, and with libcni's cache those that came and went while the plugin
// was not in the chain.

import type { Entry } from "../conntrack/entry.ts";
import { collect } from "../flush/gc.ts";
import { byPort, first, type Site, servedBy } from "../flush/onadd.ts";
import {
	type Cached,
	cacheDirs,
	cacheName,
	cacheNames,
	readCache,
} from "../libcni/cache.ts";
import type { Proto } from "../net/proto.ts";
import {
	leadsTo,
	type Mapping,
	type Node,
	staleOnAdd,
} from "../policy/stale.ts";
import type { Attachment } from "../state/store.ts";
import * as attachments from "../state/store.ts";
import type { Source } from "./reconcile.ts";

/** Much shorter than what a chain of plugins takes between a pod's DEL and another's first packet. */
const REFRESH_MS = 10;
/** A record this young may be of a chain that has not returned yet: what is cached comes after that. */
const ADDING_MS = 5 * 60_000;

/** libcni's cache as a second source. */
export interface Cache {
	/** The directory that libcni is given. */
	readonly dir: string;
	/** Of a cached attachment, mappings of these protocols are looked after. */
	readonly protocols: readonly Proto[];
}

interface Known {
	/** What has a say. */
	readonly live: readonly Attachment[];
	/** Recorded, but ended without us, or in a DEL that could not do all. */
	readonly gone: readonly Attachment[];
	/** All that libcni has not ended. */
	readonly cached: readonly Cached[];
}

/** What is recorded and cached at one moment. */
export interface Look {
	/** On the monotonic clock. */
	readonly at: number;
	/** What comes and goes shows in these. */
	readonly names: string;
	readonly known: Known;
}

function look(site: Site, cache: Cache | undefined): Look {
	const at = site.host.ticks();
	// first the names: what comes between is seen the next time
	const names = namesOf(site, cache);
	return { at, names, known: known(site, cache) };
}

/** The attachments that have a say. Throws SysError if the directory of records cannot be read. */
export function living(site: Site, cache: Cache): readonly Attachment[] {
	return known(site, cache).live;
}

/** Throws SysError if the directory of records cannot be read. */
function known({ host, dataDir }: Site, cache: Cache | undefined): Known {
	const every = attachments.everyRecord(host, dataDir);
	const recorded = every.filter((a) => !a.gone);
	const dirs = cache ? cacheDirs(cache.dir) : [];
	const names = new Set(dirs.flatMap((dir) => cacheNames(host, dir)));
	// a DEL that failed in another plugin leaves the file, but the pod has gone
	const left = new Set(every.filter((a) => a.gone).map(cacheName));
	const cached = dirs
		.flatMap((dir) => readCache(host, dir))
		.filter((c) => !left.has(cacheName(c)));
	// where no attachment of its network is cached, the runtime caches elsewhere
	const networks = new Set(cached.map(({ network }) => network));
	const isGone = (a: Attachment): boolean =>
		networks.has(a.network) &&
		!names.has(cacheName(a)) &&
		host.ticks() - a.added > ADDING_MS;
	const own = new Set(recorded.map(cacheName));
	const adopted = cached
		.filter((c) => !own.has(cacheName(c)))
		.map((c) => ({
			...c,
			mappings: c.mappings.filter((m) => cache?.protocols.includes(m.proto)),
		}));
	return {
		live: [...recorded.filter((a) => !isGone(a)), ...adopted],
		gone: every.filter((a) => a.gone || isGone(a)),
		cached,
	};
}

/**
 * Forgets recorded attachments that libcni has ended without us, and removes what
 * they left in the table; finishes what a DEL could not. Returns what it saw if there
 * was nothing to do, so that it still holds. Throws SysError if the directory of
 * records cannot be read.
 */
export async function forgetGone(
	site: Site,
	cache: Cache,
): Promise<Look | undefined> {
	const seen = look(site, cache);
	const { gone, cached } = seen.known;
	if (gone.length === 0) return seen;
	for (const a of gone) {
		const { network, containerID, ifname, pod } = a;
		if (!a.gone)
			site.log("info", "gone without us", {
				network,
				containerID,
				ifname,
				pod,
			});
	}
	const { errors } = await collect(site, () => false, gone, cached);
	for (const e of errors)
		site.log("warn", "cannot forget", { error: String(e) });
	return undefined;
}

/**
 * The mappings of the attachments, judged as when each was added. Of two pods
 * with the same hostPort, one that is going and one that has come, each keeps
 * its entries: which rule is first, only the kernel knows. What leads to an
 * attachment that is cached stays, whatever was recorded.
 *
 * Reading a large table takes seconds, in which a pod may go and another come to
 * the same port. So what is recorded and cached is looked at again before
 * anything is called stale: a mapping that is no longer there has no say. `seen` is
 * a look that was taken just now.
 */
export function recorded(site: Site, cache?: Cache, seen?: Look): Source {
	const { host } = site;
	return (isLocal) => {
		let names = "";
		let all: readonly Attachment[] = [];
		let of = byPort([]);
		let leadingTo = byPort([]);
		let served = servedBy([]);
		let looked = 0;
		const read = (now: Look): void => {
			looked = now.at;
			names = now.names;
			const { live, cached } = now.known;
			all = live;
			of = byPort(all.flatMap((a) => a.mappings));
			leadingTo = byPort([...all, ...cached].flatMap((a) => a.mappings));
			served = servedBy(all);
		};
		read(seen ?? look(site, cache));
		const node: Node = {
			isLocal,
			isServed: (e) => served(e),
		};
		const mappingsOf = (e: Entry): readonly Mapping[] =>
			of(e.proto, e.orig.dport);
		return {
			ports: all.flatMap((a) => a.mappings),
			judge: (e) => first(mappingsOf(e), (m) => staleOnAdd(m, e, node)),
			serves: (e) =>
				leadingTo(e.proto, e.orig.dport).some((m) => leadsTo(m, e)),
			owner: (e) =>
				first(mappingsOf(e), (m) =>
					staleOnAdd(m, e, node) === undefined
						? undefined
						: all.find((a) => a.mappings.includes(m))?.pod,
				),
			refresh() {
				if (host.ticks() - looked < REFRESH_MS) return false;
				looked = host.ticks();
				if (namesOf(site, cache) === names) return false;
				read(look(site, cache));
				return true;
			},
		};
	};
}

/** In the order of the directories: where that changes, it costs no more than a look. */
function namesOf({ host, dataDir }: Site, cache?: Cache): string {
	const dirs = cache ? cacheDirs(cache.dir) : [];
	return [
		attachments.names(host, dataDir),
		...dirs.map((dir) => cacheNames(host, dir)),
	].join(":");
}
