// The list that a node's runtime really calls for a pod. containerd takes the first file
// by name, or none; CRI-O takes the first that loads and whose plugins are all there.
// Either may find a Multus, which calls another list.

import { type FullHost, isNotFound } from "../host.ts";
import type { Span } from "../rawjson.ts";
import { type Conflist, confNames, type Item, TYPE } from "./conflist.ts";
import { fieldOf, membersOf } from "./gojson.ts";
import { type Delegate, delegateOf, isMultus } from "./multus.ts";
import { Empty, loadNetwork, type Network } from "./network.ts";
import {
	baseOf,
	entryKind,
	kindOf,
	namesIn,
	type RuntimePlaces,
	statOf,
} from "./paths.ts";
import { Invalid, Refusal } from "./refusal.ts";

/** What is known of the runtime that reads the directory. */
export interface Reader {
	readonly isCrio: boolean;
	/** The network that CRI-O is configured to take; undefined for the first. */
	readonly network: string | undefined;
	/** False if the runtime is known to read no drop-ins. */
	readonly readsDropIns: boolean;
}

/** The list that is called, and where it is written. */
export interface Called {
	readonly path: string;
	readonly text: string;
	/** The place of the list in the text. */
	readonly at: Span;
	readonly list: Conflist;
	readonly dropIns: ReadonlyMap<string, Item>;
	/** The Multus that calls it; undefined if the runtime does. */
	readonly multus: Multus | undefined;
	/** The files that CRI-O passes over before this one, each with the reason. */
	readonly passedOver: readonly string[];
	/** One of these has the same name and no plugins: a drop-in would be its only one, and CRI-O would take it. */
	readonly hasEmptyNamesake: boolean;
}

/** What CRI-O has passed over. */
interface Passed {
	readonly reasons: string[];
	/** The names of lists without any plugin. */
	readonly empty: Set<string>;
}

/** A Multus's own file, and how it calls the list. */
export interface Multus extends Pick<Delegate, "readsDropIns" | "shadowedBy"> {
	readonly path: string;
	/** The runtime gives Multus the port mappings, to pass on. */
	readonly hasPortMappings: boolean;
}

/** Returns the list that the runtime calls, or undefined while there is no configuration. Throws Refusal, SysError. */
export function findCalled(
	host: FullHost,
	place: RuntimePlaces,
	reader: Reader,
): Called | undefined {
	const passed: Passed = { reasons: [], empty: new Set() };
	const found = choose(host, place, reader, passed);
	if (!found) return undefined;
	const { path, list, plugins } = found;
	refuseFailing(found);
	const own = plugins[0];
	// with portmap beside it, Multus is one plugin of a chain like any other
	if (own && isMultus(own) && !plugins.some(isPortmap)) {
		const { network, ...delegate } = delegateOf(host, place.root, found);
		const { readsDropIns, shadowedBy } = delegate;
		refuseFailing(network);
		const hasPortMappings = hasCapability(own);
		const multus = { path, hasPortMappings, readsDropIns, shadowedBy };
		return called(network, delegate.at, multus, passed);
	}
	if (!list)
		throw new Refusal(
			`${path} configures the single plugin ${own?.type}`,
			"A plugin can only be chained in a list: put it into the plugins of a .conflist, which portmap needs too.",
		);
	return called(found, { from: 0, to: found.text.length }, undefined, passed);
}

/** Throws Refusal for a network that starts no pod. */
function refuseFailing({ failing }: Network): void {
	if (failing !== undefined)
		throw new Refusal(
			`no pod starts: ${failing}`,
			"Repair it or take it away.",
		);
}

/** Returns true if the runtime gives the plugin the port mappings of a pod. */
export function hasCapability({
	capabilities,
}: Pick<Item, "capabilities">): boolean {
	return capabilities.portMappings === true;
}

export function isPortmap({ type }: Pick<Item, "type">): boolean {
	return type === "portmap";
}

function called(
	{ path, text, list, dropIns }: Network,
	at: Span,
	multus: Multus | undefined,
	passed: Passed,
): Called | undefined {
	return (
		list && {
			...{ path, text, at, list, dropIns, multus },
			passedOver: passed.reasons,
			hasEmptyNamesake: passed.empty.has(list.name),
		}
	);
}

/** Returns the file that the runtime loads. Adds to `passed` what CRI-O does not take. */
function choose(
	host: FullHost,
	place: RuntimePlaces,
	reader: Reader,
	{ reasons, empty }: Passed,
): Network | undefined {
	const { confDir, confName } = place;
	/** What CRI-O would take if it were configured to. */
	const others: Network[] = [];
	for (const name of confNames(namesIn(host, confDir) ?? [])) {
		if (confName !== undefined && name !== confName) continue;
		const path = `${confDir}/${name}`;
		// libcni does not look at a directory, but at a link to one
		if (entryKind(host, path) === "directory") continue;
		try {
			const network = load(host, path, reader);
			if (!network) continue;
			if (!reader.isCrio || confName !== undefined) return network;
			const absent = absentPlugin(host, place.binDirs, network);
			const isAnother =
				reader.network !== undefined && nameOf(network) !== reader.network;
			if (absent === undefined && !isAnother) return network;
			if (absent !== undefined) reasons.push(`${path}: ${absent}`);
			else others.push(network);
		} catch (e) {
			if (!reader.isCrio || !(e instanceof Invalid) || confName !== undefined)
				throw e;
			reasons.push(e.message.split("\n")[0] ?? "");
			if (e instanceof Empty) empty.add(e.network);
		}
	}
	if (place.isNamed && others.length > 0) return others[0];
	if (others.length > 0)
		throw new Refusal(
			`CRI-O's cni_default_network is ${reader.network}, which no file of ${confDir} has: ${[...reasons, ...others.map((o) => o.path)].join("; ")}`,
			"Name the network's directory with --cni-conf-dir.",
		);
	if (reasons.length === 0) return undefined;
	throw new Refusal(
		`CRI-O takes no file of ${confDir}: ${reasons.join("; ")}`,
		"Repair one of them, or name the directory of the other plugins with --cni-bin-dir.",
	);
}

function load(
	host: FullHost,
	path: string,
	{ readsDropIns }: Reader,
): Network | undefined {
	const kind = kindOf(host, path);
	if (kind === undefined && entryKind(host, path) === undefined)
		// somebody has deleted it meanwhile
		return undefined;
	if (kind === undefined) throw new Invalid(path, "a link that leads nowhere");
	if (kind !== "file") throw new Invalid(path, "no file");
	return loadNetwork(host, path, readsDropIns);
}

/** Returns which plugin of a network CRI-O would not find (libcni: ValidateNetworkList), or undefined if it finds all. Ours is there before the network is changed. */
function absentPlugin(
	host: FullHost,
	binDirs: readonly string[],
	{ plugins }: Network,
): string | undefined {
	const absent = plugins.find(
		({ type }) => type !== TYPE && !isExecutable(host, binDirs, type),
	);
	return (
		absent &&
		`${absent.type} is not in ${binDirs.join(" or ") || "any directory of plugins"}`
	);
}

/** Returns the name by which CRI-O knows the network. */
function nameOf({ path, list, plugins }: Network): unknown {
	const [, name] = list
		? [undefined, list.name]
		: (fieldOf(membersOf(plugins[0]?.keys ?? {}), "name") ?? []);
	return name || baseOf(path);
}

/** Returns true if a runtime would find the plugin. */
function isExecutable(
	host: FullHost,
	binDirs: readonly string[],
	type: string,
): boolean {
	if (type.includes("/")) return false;
	try {
		// the first file of the name counts, whatever it is
		const found = binDirs
			.map((dir) => statOf(host, `${dir}/${type}`))
			.find((stat) => stat?.kind === "file");
		return found !== undefined && (found.mode & 0o111) !== 0;
	} catch (e) {
		if (isNotFound(e)) return false;
		throw e;
	}
}
