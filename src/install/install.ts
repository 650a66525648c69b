// One pass: the executable first, for a runtime may load a configuration at
// once, then our entries. A second pass finds nothing to do.

import type { FullHost } from "../host.ts";
import { type Copied, compare, copyInto, pathIn } from "./binary.ts";
import { TYPE } from "./conflist.ts";
import {
	apply,
	baseOf,
	isReadOnly,
	nudge,
	Overtaken,
	parentOf,
	refuseLink,
	removeTemporaries,
	replace,
} from "./files.ts";
import { findDirectories, namesIn, type Where } from "./paths.ts";
import {
	type ChainPlan,
	type Change,
	planInstall,
	type Wishes,
} from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { seenRuntime } from "./runtime.ts";

export interface Pass {
	/** What became of each executable, by its path. */
	readonly copied: ReadonlyMap<string, Copied>;
	/** What was done to the configuration; undefined while there is none. */
	readonly plan: ChainPlan | undefined;
}

/** What is not as it is to be. */
export interface Missing {
	/** The executables that are not there or are others. */
	readonly binaries: readonly string[];
	readonly plan: ChainPlan | undefined;
}

/** How often a primary may write its file between our reading and our renaming. */
const ATTEMPTS = 5;

/** Puts the executable and our entries where they belong. Throws Refusal, SysError, Overtaken. */
export function install(host: FullHost, where: Where, wishes: Wishes): Pass {
	const copied = copyAll(host, where);
	return { copied, plan: enterChain(host, where, wishes, copied) };
}

/** Puts our entries where they belong; undefined while there is no configuration. Throws Refusal, SysError, Overtaken. */
export function enterChain(
	host: FullHost,
	where: Where,
	wishes: Wishes,
	copied: ReadonlyMap<string, Copied>,
): ChainPlan | undefined {
	const confDir = where.root + findDirectories(host, where).confDir;
	removeTemporaries(host, confDir);
	for (let attempt = 1; ; attempt++) {
		const seen = seenRuntime(host, where);
		const plan = planInstall(host, confDir, where.confName, wishes, seen);
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
		// also for a drop-in that a killed pass has written
		if (plan.mode === "dropin") nudge(host, confDir);
		return plan;
	}
}

/** What a pass would do; changes nothing. Throws Refusal, SysError. */
export function inspect(host: FullHost, where: Where, wishes: Wishes): Missing {
	const dirs = findDirectories(host, where);
	const plan = planInstall(
		host,
		where.root + dirs.confDir,
		where.confName,
		wishes,
		seenRuntime(host, where),
	);
	for (const change of plan?.changes ?? []) refuseLink(host, change);
	const found = dirs.binDirs.map((dir) => {
		const path = pathIn(where.root + dir);
		return { path, is: compare(host, path) };
	});
	const isThere = found.some(({ is }) => is === "same");
	const paths = found.map(({ path }) => path);
	if (plan) mustHave(host, paths, plan);
	return {
		// of several that were found, some may be read-only
		binaries: found
			.filter(({ is }) => is === "other" || (is === "none" && !isThere))
			.map(({ path }) => path),
		plan,
	};
}

/**
 * Puts the executable into each directory; of those that were found, not given,
 * one may be read-only if another is not. Throws Refusal, SysError.
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

/** A runtime that looks for plugins elsewhere would start no pod with our entry in its chain. */
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

/** Keeps the file as it was before us, outside the directory that runtimes read. */
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

/** Where the configurations of before are kept. */
export function backupDir({ root, dataDir }: Where): string {
	return `${root}${dataDir}/backup`;
}
