// The part of `install --watch` that repairs what others do to the files. It looks at
// what `stat` tells, and makes a pass only when that has changed. It does not sleep:
// the caller decides how often it looks.

import type { FullHost } from "../host.ts";
import type { Log } from "../log.ts";
import { pathIn } from "./binary.ts";
import { confNames } from "./conflist.ts";
import { copyAll, enterChain } from "./install.ts";
import { lock } from "./lock.ts";
import { DROP_IN } from "./network.ts";
import { findDirectories, namesIn, statOf, type Where } from "./paths.ts";
import type { Wishes } from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { RUNTIME_DIRS } from "./runtime.ts";

/** How long it waits after an error. A pass reads the whole executable, so it is not made at every look. */
const RETRY_MS = 5000;

/** The plugin's default. */
const DEFAULT_PROTOCOLS = ["udp"];

/** The state of the node at the last look. */
export interface State {
	/** If true, this executable is where runtimes look for it. */
	installed: boolean;
	/** If true, our plugin items are in the chain. */
	configured: boolean;
	/** The protocols that the plugin items handle. */
	protocols: readonly unknown[];
	/** The reason why one of these is not so; undefined if all is well. */
	why: string | undefined;
}

/**
 * Returns a function to be called again and again. It repairs what has changed, and
 * logs each repair and each obstacle once. It never throws.
 */
export function keeper(
	host: FullHost,
	where: Where,
	wishes: Wishes,
	log: Log,
): () => State {
	const state: State = {
		installed: false,
		configured: false,
		protocols: DEFAULT_PROTOCOLS,
		why: undefined,
	};
	let seen: string | undefined;
	let mode: string | undefined;
	let noted: readonly string[] = [];
	/** The file of the last plan: it may be in Multus's own directory. */
	let edited: string | undefined;
	const complain = (
		level: "info" | "warn",
		what: string,
		why: string,
	): void => {
		if (why !== state.why) log(level, what, { why });
		state.why = why;
	};
	// the lock is held as long as this variable holds it
	let unlock: (() => void) | undefined;
	let retryAt = Number.POSITIVE_INFINITY;
	return () => {
		let now: string | undefined;
		let hasChanged = false;
		try {
			// never released: the lock is held until this process ends
			if (unlock === undefined) unlock = lock(host, where, 0);
			now = fingerprint(host, where, edited);
			if (now === seen && host.ticks() < retryAt) return state;
			retryAt = Number.POSITIVE_INFINITY;
			state.installed = false;
			state.configured = false;
			const copied = copyAll(host, where);
			state.installed = true;
			hasChanged = [...copied.values()].some((what) => what !== "unchanged");
			for (const [path, what] of copied)
				if (what !== "unchanged") log("info", `executable ${what}`, { path });
			const plan = enterChain(host, where, wishes, copied);
			if (plan && plan.changes.length > 0) hasChanged = true;
			if (!plan) {
				complain("info", "waiting", "there is no network configuration yet");
				return state;
			}
			state.configured = true;
			const { protocols } = plan.item;
			state.protocols = Array.isArray(protocols)
				? protocols
				: DEFAULT_PROTOCOLS;
			state.why = undefined;
			if (mode !== plan.mode)
				log("info", "mode", { mode: plan.mode, why: plan.why });
			mode = plan.mode;
			edited = plan.path;
			for (const why of plan.notes)
				if (!noted.includes(why)) log("warn", "note", { why });
			noted = plan.notes;
			for (const { path, after } of plan.changes)
				log("info", after === undefined ? "removed" : "configured", { path });
		} catch (e) {
			// the files were not even looked at
			if (now === undefined) state.installed = state.configured = false;
			// the cause may lie outside the files that are looked at
			retryAt = host.ticks() + RETRY_MS;
			const why = e instanceof Error ? e.message : String(e);
			complain(
				"warn",
				e instanceof Refusal ? "refused" : "cannot install",
				why,
			);
		} finally {
			// after a change the next look makes a pass too: if somebody deletes a new
			// file at once, the fingerprint is that of before the pass
			seen = hasChanged ? undefined : now;
		}
		return state;
	};
}

/** Returns a text that changes if somebody writes, replaces, adds or deletes one of the files. */
function fingerprint(
	host: FullHost,
	where: Where,
	edited: string | undefined,
): string {
	const { confDir, binDirs } = findDirectories(host, where);
	const dir = where.root + confDir;
	const names = namesIn(host, dir) ?? [];
	return [
		...binDirs.map((bin) => pathIn(where.root + bin)),
		...confNames(names).map((name) => `${dir}/${name}`),
		...names.map((name) => `${dir}/${name}/${DROP_IN}`).sort(),
		...RUNTIME_DIRS.map((path) => where.root + path),
		...(edited === undefined ? [] : [edited]),
	]
		.map((path) => `${path} ${identity(host, path)}`)
		.join("\n");
}

function identity(host: FullHost, path: string): string {
	const found = statOf(host, path);
	if (!found) return "absent";
	const { ino, size, mode, mtimeMs } = found;
	return `${ino} ${size} ${mode} ${mtimeMs}`;
}
