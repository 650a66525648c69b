// The changes of the configuration that bring our plugin items into the chain, once
// and in one of the two ways. It only reads; files.ts writes.

import type { FullHost } from "../host.ts";
import { type Called, findCalled, type Reader } from "./choice.ts";
import { SPOKEN } from "./cniversion.ts";
import { type Conflist, confNames, itemsIn, TYPE } from "./conflist.ts";
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
import { chooseMode, type Mode, type Runtime, readsDropIns } from "./mode.ts";
import { dropInOf, keysOf, loadNetwork, type Network } from "./network.ts";
import { notesOn } from "./notes.ts";
import {
	entryKind,
	namesIn,
	parentOf,
	type RuntimePlaces,
	textOf,
} from "./paths.ts";
import { Refusal } from "./refusal.ts";
import { crioNetwork, isCrio, type Seen } from "./runtime.ts";

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
	/** What the reader should know although the plugin is in the chain: sentences. */
	readonly notes: readonly string[];
}

/** Returns the changes that the directory needs, or undefined while it holds no configuration. Throws Refusal, SysError. */
export function planInstall(
	host: FullHost,
	place: RuntimePlaces,
	wishes: Wishes,
	seen: Seen,
): ChainPlan | undefined {
	const ofCrio = isCrio(wishes.runtime, seen);
	const reader = readerOf(host, place.root, wishes.runtime, seen);
	const found = findCalled(host, place, reader);
	if (!found) return undefined;
	const { path, text, at, list, multus } = found;
	refuseUnspoken(found);
	const names = namesIn(host, place.confDir) ?? [];
	const dropInPath = dropInOf(parentOf(path), list);
	const isWhole = at.from === 0 && at.to === text.length;
	// libcni reads none that belong to a list in another's text
	const dropIn = isWhole ? textOf(host, dropInPath) : undefined;
	const { mode, why } = chooseMode(wishes.mode, wishes.runtime, {
		...{ names, list, dropIns: found.dropIns, multus },
		hasDropIn: dropIn !== undefined,
		hasEmptyNamesake: found.hasEmptyNamesake,
	});
	const isEdit = mode === "edit";
	const inner = text.slice(at.from, at.to);
	const enter = (file: string, of: Conflist, list: string): string =>
		arrange(file, list, arrangementOf(of, ofCrio, wishes.keys));
	const edited = isEdit ? enter(path, list, inner) : without(inner);
	const dropped = isEdit
		? undefined
		: dropInText(dropIn, list, ofCrio, wishes.keys);
	const after = text.slice(0, at.from) + edited + text.slice(at.to);
	const inList = { path, before: text, after };
	const inFile = { path: dropInPath, before: dropIn, after: dropped };
	const master = isWhole ? undefined : masterOf(host, place, list.name);
	const inMaster = master && {
		...{ path: master.path, before: master.text },
		after: enter(master.path, master.list, master.text),
	};
	// never a drop-in and plugin items in the list: the plugin would run twice
	const changes = isEdit ? [inFile, inMaster, inList] : [inList, inFile];
	const notes = notesOn(found, ofCrio);
	if (!wishes.runtime && seen === "both")
		notes.push(
			"CRI-O and containerd are here: say which it is with --runtime-version",
		);
	const others = [...list.plugins, ...found.dropIns.values()];
	return {
		mode,
		why: isWhole ? why : `${why}, in its own file, ${origin(master)}`,
		path,
		first: others.find((p) => !isOurs(p))?.type ?? "",
		item:
			dropped === undefined
				? (itemsIn(edited).find(isOurs)?.keys ?? {})
				: keysOf(dropped),
		changes: changes
			.filter((change) => change !== undefined)
			.filter(({ before, after }) => before !== after),
		notes,
	};
}

/** Returns what becomes of our plugin items in a Multus's own file when that Multus starts. */
function origin(master: Pick<Network, "path"> | undefined): string {
	return master
		? `which it makes from ${master.path}`
		: "which it may write anew when it starts; --watch puts the plugin items back";
}

/** Returns what is known of the runtime that reads the directory. */
export function readerOf(
	host: FullHost,
	root: string,
	runtime: Runtime | undefined,
	seen: Seen,
): Reader {
	const ofCrio = isCrio(runtime, seen);
	return {
		isCrio: ofCrio,
		network: ofCrio ? crioNetwork(host, root) : undefined,
		readsDropIns: !runtime || readsDropIns(runtime),
	};
}

/** Throws Refusal for a version that our plugin does not speak: it would fail every pod. */
function refuseUnspoken({ path, list }: Called): void {
	if (list.version === "" || SPOKEN.includes(list.version)) return;
	throw new Refusal(
		`${path} has the cniVersion ${list.version.slice(0, 100)}, which ${TYPE} does not speak`,
		`It speaks ${SPOKEN.join(", ")}.`,
	);
}

/**
 * Returns the file from which a thin Multus has made the list in its own file: the first
 * by name with this network's name. Multus writes its file anew from it when it starts,
 * so our plugin items must be there too.
 */
function masterOf(
	host: FullHost,
	{ confDir }: RuntimePlaces,
	network: string,
): (Network & { readonly list: Conflist }) | undefined {
	for (const name of confNames(namesIn(host, confDir) ?? [])) {
		const path = `${confDir}/${name}`;
		if (!name.endsWith(".conflist") || name.startsWith("00-multus")) continue;
		if (entryKind(host, path) !== "file") continue;
		try {
			const found = loadNetwork(host, path, false);
			if (found?.list?.name === network) return { ...found, list: found.list };
		} catch (e) {
			if (!(e instanceof Refusal)) throw e;
		}
	}
	return undefined;
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
