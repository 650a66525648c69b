// Which attachments are alive: those that are recorded and, with libcni's cache, also
// those that came or went while the plugin was not in the chain. Neither source makes
// an attachment alive whose network namespace is gone.

import type { Context } from "../context.ts";
import {
	type Cached,
	cacheDirs,
	cacheName,
	cacheNames,
	readCache,
} from "../libcni/cache.ts";
import type { Proto } from "../net/proto.ts";
import { type Attachment, isDeferred } from "../policy/mapping.ts";
import { hasEnded } from "./namespace.ts";
import { recordsAround } from "./others.ts";
import { recordNames } from "./store.ts";

/**
 * A younger record may belong to a chain that has not returned yet, and libcni writes
 * its cache only after that. If the pod of such a record is gone already, its DEL is
 * probably under way.
 */
const ADDING_MS = 5 * 60_000;

/** libcni's cache as a second source beside the records. */
export interface CacheSource {
	/** The directory that the runtime gives libcni. */
	readonly dir: string;
	/** The protocols whose mappings count if an attachment is only cached. */
	readonly protocols: readonly Proto[];
}

/** The attachments that are recorded and cached at one moment. */
export interface Snapshot {
	/** When it was taken, in ms of the monotonic clock. */
	readonly at: number;
	/** The files' names in one text, which changes when an attachment comes or goes. */
	readonly names: string;
	/** The attachments that decide about entries. */
	readonly live: readonly Attachment[];
	/** Recorded attachments whose pod is gone, that are no longer cached, or whose DEL is unfinished. */
	readonly dead: readonly Attachment[];
	/** Every attachment that libcni has not ended and whose pod is not gone. */
	readonly cached: readonly Cached[];
	/** True if a file of the cache cannot be read, so that any address may be somebody's. */
	readonly isCutShort: boolean;
}

/** Throws SysError if the directory of records cannot be read. */
export function takeSnapshot(
	context: Context,
	cache: CacheSource | undefined,
): Snapshot {
	const at = context.host.ticks();
	// names before contents: an attachment that comes in between shows the next time
	const names = namesOf(context, cache);
	return { at, names, ...survey(context, cache) };
}

/** Returns the attachments that decide about entries. Throws SysError if the directory of records cannot be read. */
export function liveAttachments(
	context: Context,
	cache: CacheSource,
): readonly Attachment[] {
	return survey(context, cache).live;
}

function survey(
	{ host, dataDir }: Context,
	cache: CacheSource | undefined,
): Omit<Snapshot, "at" | "names"> {
	const now = host.ticks();
	const every = recordsAround(host, dataDir, [""]);
	const recorded = every.filter((a) => !a.unfinished);
	const ended = new Set(recorded.filter((a) => hasEnded(host, a)));
	const dirs = cache ? cacheDirs(cache.dir) : [];
	const names = new Set(dirs.flatMap((dir) => cacheNames(host, dir)));
	// a DEL that failed in another plugin leaves its cached file, but the pod is dead
	const unfinished = new Set(every.filter((a) => a.unfinished).map(cacheName));
	let isCutShort = false;
	const onUnreadable = (): void => {
		isCutShort = true;
	};
	const all = dirs
		.flatMap((dir) => readCache(host, dir, onUnreadable))
		.filter((c) => !unfinished.has(cacheName(c)));
	// a network that was renamed leaves its cached files
	const cached = all.filter((c) => !hasEnded(host, c));
	// if no attachment of a network is cached, its runtime keeps its cache elsewhere
	const networks = new Set(all.map(({ network }) => network));
	const isAbsent = (a: Attachment): boolean =>
		now - a.added > ADDING_MS &&
		(ended.has(a) || (networks.has(a.network) && !names.has(cacheName(a))));
	const vague = new Set(recorded.filter((a) => a.vague).map(cacheName));
	const own = new Set(recorded.map(cacheName).filter((n) => !vague.has(n)));
	const adopted = cached
		.filter((c) => !own.has(cacheName(c)))
		.map((c) => ({
			...c,
			mappings: c.mappings.filter((m) => cache?.protocols.includes(m.proto)),
		}));
	// of those the cache knows more
	const known = new Set(adopted.map(cacheName));
	return {
		live: [
			...recorded.filter(
				(a) =>
					!isAbsent(a) &&
					!ended.has(a) &&
					!(a.vague && known.has(cacheName(a))),
			),
			...adopted,
		],
		dead: every.filter(
			(a) => (a.unfinished && !isDeferred(a, now)) || isAbsent(a),
		),
		cached,
		isCutShort,
	};
}

/** Returns the names in the order of the directories. A changed order costs no more than a second snapshot. */
export function namesOf(
	{ host, dataDir }: Context,
	cache: CacheSource | undefined,
): string {
	const dirs = cache ? cacheDirs(cache.dir) : [];
	return [
		recordNames(host, dataDir),
		...dirs.map((dir) => cacheNames(host, dir)),
	].join(":");
}
