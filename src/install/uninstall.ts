// The steps of uninstall: our plugin items and drop-ins are removed first, and the
// executable last, once no configuration names it any more. A step may find its work
// done already. A step that fails does not stop the others. Their order and the
// waiting are in src/cli/uninstall.ts.

import { type FullHost, isSysError } from "../host.ts";
import { cacheDirs, readCache } from "../libcni/cache.ts";
import { departureFiles } from "../state/departures.ts";
import { leftDir } from "../state/left.ts";
import { isOfQueue } from "../state/queue.ts";
import { returnedFile } from "../state/returned.ts";
import { spoolDir } from "../state/spool.ts";
import { isRecordName } from "../state/store.ts";
import { queueDir, secondTurnPath, turnPath } from "../state/turn.ts";
import { unusableFile } from "../state/unusable.ts";
import { pathIn, removeFrom } from "./binary.ts";
import { TYPE } from "./conflist.ts";
import { without } from "./edit.ts";
import {
	apply,
	isReadOnly,
	nudge,
	Overtaken,
	removeEmpty,
	removeFile,
	removeTemporaries,
} from "./files.ts";
import { backupDir } from "./install.ts";
import { LOCK } from "./lock.ts";
import type { Runtime } from "./mode.ts";
import { delegateSpans } from "./multus.ts";
import { configurations, namedInCache, namesUs } from "./named.ts";
import { DROP_IN, keysOf } from "./network.ts";
import {
	allDirectories,
	baseOf,
	kindOf,
	namesIn,
	parentOf,
	textOf,
	type Where,
} from "./paths.ts";
import type { Change } from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { isCrio, seenRuntime } from "./runtime.ts";

/** The result of a step: what was done, and the errors of what could not be. */
export interface Undone<T> {
	readonly done: readonly T[];
	readonly problems: readonly unknown[];
}

/** Returns the changes that take our plugin items out of every configuration that can be read. */
export function planUninstall(host: FullHost, where: Where): Undone<Change> {
	return each(configurations(host, where), (path) => {
		if (kindOf(host, path) !== "file") return undefined;
		const before = textIfOurs(host, path);
		const after = path.endsWith(`/${DROP_IN}`)
			? before && (keysOf(before).type === TYPE ? undefined : before)
			: before && withoutAll(before);
		return before === after ? undefined : { path, before, after };
	});
}

/** Returns the file's text. Returns undefined if there is no file, and if it is not UTF-8 and does not name us. */
function textIfOurs(host: FullHost, path: string): string | undefined {
	try {
		return textOf(host, path);
	} catch (e) {
		if (e instanceof Refusal && !namesUs(host, path)) return undefined;
		throw e;
	}
}

/** Takes our plugin items out and makes runtimes read their configuration again. */
export function unconfigure(host: FullHost, where: Where): Undone<Change> {
	const planned = planUninstall(host, where);
	const applied = each(planned.done, (change) => {
		apply(host, change);
		if (change.after === undefined) removeEmpty(host, parentOf(change.path));
		return change;
	});
	const nudged = each(allDirectories(host, where).confDirs, (dir) => {
		try {
			removeTemporaries(host, dir);
			// even if nothing has changed: a killed call may have made the change
			nudge(host, dir);
		} catch (e) {
			if (!isReadOnly(e)) throw e;
		}
		return undefined;
	});
	return {
		done: applied.done,
		problems: [planned, applied, nudged].flatMap(({ problems }) => problems),
	};
}

/** Returns the configurations that still name the executable. */
export function namedBy(
	host: FullHost,
	where: Where,
	runtime: Runtime | undefined,
): string[] {
	const seen = runtime ? undefined : seenRuntime(host, where);
	// CRI-O ends a pod by the configuration that it was started with, others by the present one
	const byCache = runtime ? isCrio(runtime, seen) : seen !== "containerd";
	const cache = where.root + where.cacheDir;
	return [
		...configurations(host, where).filter((path) => namesUs(host, path)),
		...(byCache ? namedInCache(host, `${cache}/results`) : []),
		// under every runtime, Multus ends a pod by the configuration that it has kept
		...namedInCache(host, `${cache}/multus`),
	];
}

/**
 * Returns the pods that the files of a cache among `paths` are about, each once. libcni
 * knows a pod's name; Multus names its files after the container alone.
 */
export function podsOf(
	host: FullHost,
	where: Where,
	paths: readonly string[],
): string[] {
	const cache = where.root + where.cacheDir;
	const names = paths
		.filter((path) => path.startsWith(`${cache}/`))
		.map(baseOf);
	const pods = cacheDirs(cache)
		.flatMap((dir) => readCache(host, dir))
		.filter(
			({ containerID: id }) =>
				id !== "" && names.some((name) => name.includes(id)),
		)
		.map(({ pod }) => pod)
		.filter((pod) => pod !== undefined);
	return [...new Set(pods)].sort();
}

/** Returns the directories that hold an executable of ours. */
export function installedIn(host: FullHost, where: Where): string[] {
	return allDirectories(host, where).binDirs.filter((dir) =>
		namesIn(host, dir)?.includes(TYPE),
	);
}

/** Removes the executables, the records, the metrics and the backup. */
export function removeAll(host: FullHost, where: Where): Undone<string> {
	const { binDirs } = allDirectories(host, where);
	const removed = each(binDirs, (dir) =>
		removeFrom(host, dir) ? pathIn(dir) : undefined,
	);
	const data = where.root + where.dataDir;
	const own = [
		...[backupDir(where), spoolDir(data), leftDir(data)],
		...[queueDir(data), data],
	];
	const emptied = each(own, (dir) => {
		const isOurs =
			dir === data ? isRecord : dir === queueDir(data) ? isOfQueue : () => true;
		empty(host, dir, isOurs);
		return undefined;
	});
	return {
		done: removed.done,
		problems: [...removed.problems, ...emptied.problems],
	};
}

/** Removes the directory's files that are ours, and then the directory if nothing is left in it. */
function empty(
	host: FullHost,
	dir: string,
	isOurs: (name: string) => boolean,
): void {
	for (const name of namesIn(host, dir) ?? [])
		if (isOurs(name)) removeFile(host, `${dir}/${name}`);
	removeEmpty(host, dir);
}

/** Returns true for a record, a lock, or a file of departures, of entries that came back or of STATUS. Other files stay: a directory may be named by mistake, and hold somebody else's. */
function isRecord(name: string): boolean {
	return (
		isRecordName(name.replace(/\.tmp$/, "")) ||
		[
			LOCK,
			...[
				turnPath(""),
				secondTurnPath(""),
				returnedFile(""),
				unusableFile(""),
				...departureFiles(""),
			].map(baseOf),
		].includes(name)
	);
}

/** Returns the text without our plugin items, those in a Multus's delegates too. A text without our name is not parsed, because it may be long. An escape may hide the name. */
function withoutAll(text: string): string {
	if (!text.includes(TYPE) && !text.includes("\\u")) return text;
	let bare = without(text);
	// from the last to the first: what is cut moves only what comes after it
	for (const { from, to } of delegateSpans(bare).reverse())
		bare = bare.slice(0, from) + without(bare.slice(from, to)) + bare.slice(to);
	return bare;
}

/** Calls `f` for each item and goes on after an error. A result of undefined means that nothing was to be done. */
function each<T, R>(
	items: readonly T[],
	f: (item: T) => R | undefined,
): Undone<R> {
	const done: R[] = [];
	const problems: unknown[] = [];
	for (const item of items) {
		try {
			const result = f(item);
			if (result !== undefined) done.push(result);
		} catch (e) {
			if (!isExpected(e)) throw e;
			problems.push(e);
		}
	}
	return { done, problems };
}

/** Returns true for an error of the system or a refusal. Any other error is a fault of ours. */
function isExpected(e: unknown): boolean {
	return isSysError(e) || e instanceof Refusal || e instanceof Overtaken;
}
