// The changes of the configuration that bring our plugin items into the chain, once
// and in one of the two ways. It only reads; files.ts writes.

import type { FullHost } from "../host.ts";
import {
	type Conflist,
	confNames,
	isMultus,
	parseConflist,
	TYPE,
} from "./conflist.ts";
import {
	arrange,
	arrangementOf,
	extrasOf,
	isLike,
	isOurs,
	type Keys,
	singleItem,
	without,
} from "./edit.ts";
import { chooseMode, type Mode, type Runtime } from "./mode.ts";
import { kindOf, namesIn, textOf } from "./paths.ts";
import { Refusal } from "./refusal.ts";
import { isCrio, type Seen } from "./runtime.ts";

/** A file as it is and as it is to be. undefined stands for no file. */
export interface Change {
	readonly path: string;
	readonly before: string | undefined;
	readonly after: string | undefined;
}

/** The ways of installing that somebody has asked for. */
export interface Wishes {
	readonly mode: Mode | "auto";
	/** The runtime that was named; undefined if none was. */
	readonly runtime: Runtime | undefined;
	/** The keys that our plugin items are to have. */
	readonly keys: Keys;
}

export interface ChainPlan {
	readonly mode: Mode;
	readonly why: string;
	/** The file of the node's network. */
	readonly path: string;
	/** The plugin that makes its interfaces. */
	readonly first: string;
	/** Our plugin item, or the first of two, as it will be. */
	readonly item: Keys;
	readonly changes: readonly Change[];
}

/** The file of the node's network, and what was passed over to find it. */
interface Primary {
	readonly path: string;
	readonly text: string;
	readonly behindMultus: boolean;
}

export const DROP_IN = `90-${TYPE}.conf`;

/** Returns the changes that the directory needs, or undefined while it holds no configuration. Throws Refusal, SysError. */
export function planInstall(
	host: FullHost,
	confDir: string,
	confName: string | undefined,
	wishes: Wishes,
	seen: Seen,
): ChainPlan | undefined {
	const names = namesIn(host, confDir) ?? [];
	const found = findPrimary(host, confDir, names, confName);
	if (!found) return undefined;
	const { path, text, behindMultus } = found;
	const list = parseConflist(path, text);
	const dropInPath = dropInOf(confDir, list);
	const dropIn = textOf(host, dropInPath);
	const { mode, why } = chooseMode(wishes.mode, wishes.runtime, {
		names,
		list,
		hasDropIn: dropIn !== undefined,
		behindMultus,
	});
	const ofCrio = isCrio(wishes.runtime, seen);
	const edited =
		mode === "edit"
			? arrange(path, text, arrangementOf(list, ofCrio, wishes.keys))
			: without(path, text);
	const dropped =
		mode === "edit" ? undefined : dropInText(dropIn, list, ofCrio, wishes.keys);
	// never a drop-in and plugin items in the list: the plugin would run twice
	const inList = { path, before: text, after: edited };
	const inFile = { path: dropInPath, before: dropIn, after: dropped };
	const changes: Change[] =
		mode === "edit" ? [inFile, inList] : [inList, inFile];
	return {
		mode,
		why:
			!wishes.runtime && seen === "both"
				? `${why}; CRI-O and containerd are here: say which it is with --runtime-version`
				: why,
		path,
		first: list.plugins.find((p) => !isOurs(p))?.type ?? "",
		item:
			dropped === undefined
				? (parseConflist(path, edited).plugins.find(isOurs)?.keys ?? {})
				: keysOf(dropped),
		changes: changes.filter(({ before, after }) => before !== after),
	};
}

/**
 * Returns the file of the node's network: the first by name, which containerd and
 * CRI-O take too. Multus passes pods on to the next one. Throws Refusal, SysError.
 */
export function findPrimary(
	host: FullHost,
	confDir: string,
	names: readonly string[],
	confName: string | undefined,
): Primary | undefined {
	let behindMultus = false;
	for (const name of confNames(names)) {
		if (confName !== undefined && name !== confName) continue;
		const path = `${confDir}/${name}`;
		// it is a directory, or a link that leads nowhere
		if (kindOf(host, path) !== "file") continue;
		const text = textOf(host, path);
		// somebody has deleted it meanwhile
		if (text === undefined) continue;
		if (confName === undefined && isMultus(path, text)) behindMultus = true;
		else return { path, text, behindMultus };
	}
	if (behindMultus)
		throw new Refusal(
			`${confDir} has no network's configuration but Multus's own`,
			"Name the directory of the network that Multus passes on to with --cni-conf-dir.",
		);
	return undefined;
}

/** Returns the path of our drop-in for this network. Throws Refusal for a name that libcni would refuse. */
export function dropInOf(confDir: string, { name }: Conflist): string {
	// libcni's own check; with it the path cannot lead out of the directory
	if (!/^[a-zA-Z0-9][\w.-]*$/.test(name))
		throw new Refusal(
			`not the name of a network: ${name}`,
			"libcni takes letters, digits, dots, underscores and hyphens.",
		);
	return `${confDir}/${name}/${DROP_IN}`;
}

/** Returns the text of our drop-in. It is a single plugin item: libcni appends drop-ins to the end of the chain, so they cannot be split around portmap. */
function dropInText(
	found: string | undefined,
	list: Conflist,
	ofCrio: boolean,
	wanted: Keys,
): string {
	const keys = found === undefined ? {} : keysOf(found);
	const own = list.plugins.find(isOurs)?.keys;
	const item = singleItem(ofCrio, {
		...extrasOf(own),
		...extrasOf(keys),
		...wanted,
	});
	if (found !== undefined && isLike(keys, item)) return found;
	return `${JSON.stringify(item, null, 2)}\n`;
}

/** Returns the keys in a drop-in, or none if it is no JSON object. */
export function keysOf(text: string): Keys {
	try {
		const found: unknown = JSON.parse(text);
		return typeof found === "object" && found !== null ? { ...found } : {};
	} catch {
		return {};
	}
}
