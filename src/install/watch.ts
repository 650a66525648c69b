// Keeps the node as a pass leaves it, whatever others do to the files. It looks
// at what `stat` tells, and reads a file only when that has changed.

import type { FullHost } from "../host.ts";
import type { Log } from "../log.ts";
import { pathIn } from "./binary.ts";
import { confNames } from "./conflist.ts";
import { copyAll, enterChain } from "./install.ts";
import { lock } from "./lock.ts";
import { findDirectories, namesIn, statOf, type Where } from "./paths.ts";
import { DROP_IN, type Wishes } from "./plan.ts";
import { Refusal } from "./refusal.ts";
import { RUNTIME_DIRS } from "./runtime.ts";

/** A pass reads the executable, which is not done at every look. */
const RETRY_MS = 5000;

/** As the plugin has them. */
const DEFAULT_PROTOCOLS = ["udp"];

/** How the node was found last. */
export interface State {
	/** The executable is where runtimes look for it, and is this one. */
	installed: boolean;
	/** Our entries are in the chain. */
	configured: boolean;
	/** What they handle. */
	protocols: readonly unknown[];
	/** What keeps it from one of these, if something does. */
	why: string | undefined;
}

/**
 * Returns what is to be called again and again: it repairs what has changed, and
 * logs what it did and what keeps it from it, each once. Never throws.
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
	const complain = (
		level: "info" | "warn",
		what: string,
		why: string,
	): void => {
		if (why !== state.why) log(level, what, { why });
		state.why = why;
	};
	// kept, or it would be let go
	let unlock: (() => void) | undefined;
	let retryAt = Number.POSITIVE_INFINITY;
	return () => {
		let now: string | undefined;
		let hasChanged = false;
		try {
			// for as long as this process lives
			if (unlock === undefined) unlock = lock(host, where, 0);
			now = fingerprint(host, where);
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
			for (const { path, after } of plan.changes)
				log("info", after === undefined ? "removed" : "configured", { path });
		} catch (e) {
			// not even looked at
			if (now === undefined) state.installed = state.configured = false;
			// what is wrong may be elsewhere than in the files that are looked at
			retryAt = host.ticks() + RETRY_MS;
			const why = e instanceof Error ? e.message : String(e);
			complain(
				"warn",
				e instanceof Refusal ? "refused" : "cannot install",
				why,
			);
		} finally {
			// what a pass changed is looked at once more: a file that goes again
			// would look as it did before the pass that brought it
			seen = hasChanged ? undefined : now;
		}
		return state;
	};
}

/** Other than before if somebody has written, replaced, added or removed one of the files. */
function fingerprint(host: FullHost, where: Where): string {
	const { confDir, binDirs } = findDirectories(host, where);
	const dir = where.root + confDir;
	const names = namesIn(host, dir) ?? [];
	return [
		...binDirs.map((bin) => pathIn(where.root + bin)),
		...confNames(names).map((name) => `${dir}/${name}`),
		...names.map((name) => `${dir}/${name}/${DROP_IN}`).sort(),
		...RUNTIME_DIRS.map((path) => where.root + path),
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
