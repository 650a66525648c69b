// One pass of the installer: first the executable, then our plugin items, because a
// runtime may load a configuration at once. A second pass finds nothing to do. The
// decisions are in plan.ts and mode.ts.

import type { FullHost } from "../host.ts";
import { type Copied, compare, copyInto, pathIn } from "./binary.ts";
import { TYPE } from "./conflist.ts";
import {
	apply,
	isReadOnly,
	nudge,
	Overtaken,
	refuseLink,
	removeTemporaries,
	replace,
} from "./files.ts";
import {
	baseOf,
	findDirectories,
	namesIn,
	parentOf,
	placeOf,
	type Where,
} from "./paths.ts";
import {
	type ChainPlan,
	type Change,
	planInstall,
	type Wishes,
} from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { seenRuntime } from "./runtime.ts";

export interface Pass {
	/** The result for each executable, by its path. */
	readonly copied: ReadonlyMap<string, Copied>;
	/** The changes that were made to the configuration; undefined while there is none. */
	readonly plan: ChainPlan | undefined;
}

/** The parts of an installation that are not in place. */
export interface Missing {
	/** The paths where the executable is absent or another one. */
	readonly binaries: readonly string[];
	readonly plan: ChainPlan | undefined;
}

/** How often the network's owner may write its file between our reading and our renaming. */
const ATTEMPTS = 5;

/** Puts the executable and our plugin items where they belong. Throws Refusal, SysError, Overtaken. */
export function install(host: FullHost, where: Where, wishes: Wishes): Pass {
	const copied = copyAll(host, where);
	return { copied, plan: enterChain(host, where, wishes, copied) };
}

/** Puts our plugin items where they belong. Returns undefined while there is no configuration. Throws Refusal, SysError, Overtaken. */
export function enterChain(
	host: FullHost,
	where: Where,
	wishes: Wishes,
	copied: ReadonlyMap<string, Copied>,
): ChainPlan | undefined {
	const place = placeOf(host, where);
	removeTemporaries(host, place.confDir);
	for (let attempt = 1; ; attempt++) {
		const seen = seenRuntime(host, where);
		const plan = planInstall(host, place, wishes, seen);
		if (!plan) return undefined;
		mustHave(host, [...copied.keys()], plan);
		try {
			for (const change of plan.changes) {
				keep(host, where, change);
				apply(host, change);
			}
		} catch (e) {
			if (e instanceof Overtaken && attempt < ATTEMPTS) continue;
			throw e;
		}
		// even if nothing has changed: a killed pass may have written the drop-in
		if (plan.mode === "dropin") nudge(host, place.confDir);
		return plan;
	}
}

/** Returns what a pass would do. Changes nothing. Throws Refusal, SysError. */
export function inspect(host: FullHost, where: Where, wishes: Wishes): Missing {
	const dirs = findDirectories(host, where);
	const seen = seenRuntime(host, where);
	const plan = planInstall(host, placeOf(host, where), wishes, seen);
	for (const change of plan?.changes ?? []) refuseLink(host, change);
	const found = dirs.binDirs.map((dir) => {
		const path = pathIn(where.root + dir);
		return { path, is: compare(host, path) };
	});
	const isThere = found.some(({ is }) => is === "same");
	const paths = found.map(({ path }) => path);
	if (plan) mustHave(host, paths, plan);
	return {
		// several directories were found: those that are read-only may lack it
		binaries: found
			.filter(({ is }) => is === "other" || (is === "none" && !isThere))
			.map(({ path }) => path),
		plan,
	};
}

/**
 * Puts the executable into each directory. If the directories were found and not
 * given, some may be read-only, but not all. Throws Refusal, SysError.
 */
export function copyAll(host: FullHost, where: Where): Map<string, Copied> {
	const { binDirs } = findDirectories(host, where);
	const copied = new Map<string, Copied>();
	let refused: unknown;
	for (const dir of binDirs) {
		try {
			const whole = where.root + dir;
			copied.set(pathIn(whole), copyInto(host, whole));
		} catch (e) {
			if (where.binDirs.length > 0 || !isReadOnly(e)) throw e;
			refused = e;
		}
	}
	if (copied.size === 0) throw refused;
	return copied;
}

/**
 * Throws Refusal if the network's own plugin is in none of the directories. The
 * runtime then looks for plugins elsewhere, and would start no pod with our plugin
 * item in its chain.
 */
function mustHave(
	host: FullHost,
	binaries: readonly string[],
	{ first, path }: ChainPlan,
): void {
	const dirs = binaries.map(parentOf);
	if (dirs.some((dir) => namesIn(host, dir)?.includes(first))) return;
	throw new Refusal(
		`${first}, which ${path} names, is not in ${dirs.join(" or ")}`,
		"The runtime looks for plugins elsewhere: name that directory with --cni-bin-dir.",
	);
}

/** Keeps a copy of the file as it was before us, outside the directory that runtimes read. */
function keep(
	host: FullHost,
	where: Where,
	{ path, before, after }: Change,
): void {
	if (before === undefined || after === undefined) return;
	if (before.includes(`"${TYPE}"`)) return;
	const dir = backupDir(where);
	host.mkdir(dir, 0o700);
	replace(host, `${dir}/${baseOf(path)}`, (temporary) =>
		host.writeFile(temporary, before, 0o600),
	);
}

/** Returns the directory of the copies that keep() makes. */
export function backupDir({ root, dataDir }: Where): string {
	return `${root}${dataDir}/backup`;
}
