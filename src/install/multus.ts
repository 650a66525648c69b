// What a Multus calls for a pod: the list in its own file (`delegates`), or a network in
// another file (`clusterNetwork`). A NetworkAttachmentDefinition in the cluster cannot be
// seen from here. The steps are those of Multus 4.2: LoadNetConf and getNetDelegate.

import type { FullHost } from "../host.ts";
import { isObject } from "../objects.ts";
import { elementSpans, type Span } from "../rawjson.ts";
import { type Item, itemsIn, parseConflist } from "./conflist.ts";
import {
	fieldOf,
	membersIn,
	membersOf,
	parseObject,
	TooComplex,
	Unloadable,
} from "./gojson.ts";
import { isNetworkName, loadNetwork, type Network } from "./network.ts";
import { entryKind, kindOf, namesIn } from "./paths.ts";
import { decodeParts } from "./pluginconf.ts";
import { Refusal } from "./refusal.ts";

/** The network that Multus calls first for every pod, and where its list is written. */
export interface Delegate {
	readonly network: Network;
	/** The place of the list in the file's text. */
	readonly at: Span;
	/** If true, Multus appends drop-ins as libcni does. */
	readonly readsDropIns: boolean;
	/** The name that a NetworkAttachmentDefinition may have, which then counts in place of the file. */
	readonly shadowedBy: string | undefined;
}

/** The directory of Multus's own configurations, if its file names none. */
const CONF_DIR = "/etc/cni/multus/net.d";
/** Where Multus's container has the node's files. */
const MOUNT = "/host";

/** Returns true for the plugin that only calls others. */
export function isMultus({ type }: Pick<Item, "type">): boolean {
	return type === "multus" || type === "multus-shim";
}

/** Finds what the Multus calls that this network begins with. Throws Refusal if that is nothing that can be changed. */
export function delegateOf(
	host: FullHost,
	root: string,
	{ path, text, plugins }: Network,
): Delegate {
	const own = plugins[0]?.keys ?? {};
	const named = stringIn(own, "clusternetwork", path);
	if (named === "") return inlined(path, text);
	if (named.includes("/")) return byPath(host, root, path, named);
	return byName(host, root, path, named, own);
}

/** Returns where in a Multus's text its delegates stand. Returns none for any other text. */
export function delegateSpans(text: string): Span[] {
	const own = ownItem(text);
	const [key] = (own && fieldOf(membersOf(own.keys), "delegates")) ?? [];
	if (!own || key === undefined) return [];
	return (elementSpans(text.slice(own.from, own.to), key) ?? []).map(
		({ from, to }) => ({ from: own.from + from, to: own.from + to }),
	);
}

/** Returns the files outside its own directory that this text may make a Multus read. */
export function filesOf(host: FullHost, root: string, text: string): string[] {
	const keys = membersOf(ownItem(text)?.keys ?? {});
	const [, named = ""] = fieldOf(keys, "clusternetwork") ?? [];
	const [, dir = CONF_DIR] = fieldOf(keys, "confdir") ?? [];
	const at = String(named).includes("/") ? named : dir;
	if (named === "" || typeof at !== "string") return [];
	const path = onNode(host, root, at);
	const names = kindOf(host, path) === "directory" ? namesIn(host, path) : [];
	return [path, ...(names ?? []).map((name) => `${path}/${name}`)];
}

/** Returns Multus's own plugin item: the first of a list, or the whole text. Returns undefined if that is another plugin's. */
function ownItem(text: string): (Span & Pick<Item, "keys">) | undefined {
	let whole: unknown;
	try {
		whole = JSON.parse(text);
	} catch {
		return undefined;
	}
	if (!isObject(whole)) return undefined;
	const single = { from: text.indexOf("{"), to: text.length, keys: whole };
	const own = "plugins" in whole ? itemsIn(text)[0] : single;
	return own && isMultus({ type: typeOf(own.keys) }) ? own : undefined;
}

/** Returns the type that an object has, in any case of the key; "" if it has none. */
function typeOf(keys: Readonly<Record<string, unknown>>): string {
	const [, type] = fieldOf(membersOf(keys), "type") ?? [];
	return typeof type === "string" ? type : "";
}

/** Finds the first delegate in Multus's own text. */
function inlined(path: string, text: string): Delegate {
	const [at] = delegateSpans(text);
	if (!at)
		throw new Refusal(
			`${path}: Multus has neither delegates nor clusterNetwork, so it starts no pod`,
			"Repair its configuration first.",
		);
	const inner = text.slice(at.from, at.to);
	const list = listAlone(path, `the first delegate in ${path}`, inner);
	return {
		network: {
			...{ path, text, list, plugins: list.plugins },
			...{ dropIns: new Map(), failing: undefined },
		},
		at,
		readsDropIns: false,
		shadowedBy: undefined,
	};
}

/** Finds the network by the path of a file or of a directory. */
function byPath(
	host: FullHost,
	root: string,
	path: string,
	named: string,
): Delegate {
	const found = onNode(host, root, named);
	const kind = kindOf(host, found);
	if (kind === undefined)
		throw new Refusal(
			`${path} makes Multus call ${named}, which is not there`,
			"Name the file that Multus reads with --cni-conf-dir and --master-cni-file-name.",
		);
	if (kind === "directory") {
		const names = namesIn(host, found) ?? [];
		if (!names.some((n) => n.endsWith(".conf") || n.endsWith(".conflist")))
			throw nothing(path, found);
		const first = filesIn(host, found)[0];
		if (first === undefined) throw nothing(path, found);
		return alone(host, path, first, undefined);
	}
	const network = loadNetwork(host, found, true);
	if (!network) throw nothing(path, found);
	if (!network.list) throw single(path, found, network.plugins[0]);
	if (!isNetworkName(network.list.name)) throw nothing(path, found);
	return {
		...{ network, at: { from: 0, to: network.text.length } },
		readsDropIns: true,
		shadowedBy: undefined,
	};
}

/** Finds the network by its name, in the files of Multus's own directory. */
function byName(
	host: FullHost,
	root: string,
	path: string,
	named: string,
	own: Readonly<Record<string, unknown>>,
): Delegate {
	const dir = onNode(host, root, stringIn(own, "confdir", path) || CONF_DIR);
	for (const file of filesIn(host, dir)) {
		const network = loadNetwork(host, file, true);
		if (!network) continue;
		const { list, plugins } = network;
		const [, name] = list
			? [undefined, list.name]
			: (fieldOf(membersOf(plugins[0]?.keys ?? {}), "name") ?? []);
		if (name === named) return alone(host, path, file, named);
	}
	throw new Refusal(
		`${path} makes Multus call the network ${named}, which is in no file of ${dir}`,
		`It is a NetworkAttachmentDefinition: add the plugin items to its config by hand (--mode print).`,
	);
}

/** Returns a file's list as Multus takes it by name or from a directory: as text, without drop-ins. */
function alone(
	host: FullHost,
	path: string,
	file: string,
	shadowedBy: string | undefined,
): Delegate {
	const network = loadNetwork(host, file, true);
	if (!network) throw nothing(path, file);
	if (!network.list) throw single(path, file, network.plugins[0]);
	const { text } = network;
	const list = listAlone(path, file, text);
	return {
		network: { ...network, list, plugins: list.plugins, dropIns: new Map() },
		at: { from: 0, to: text.length },
		readsDropIns: false,
		shadowedBy,
	};
}

/** Parses a list that Multus takes as a text. It decodes it into a struct first, so a `type` makes it a single plugin, and words are no booleans. */
function listAlone(multus: string, path: string, text: string) {
	const [keys, { type }] = readable(path, () => [
		parseObject(text),
		decodeParts(membersIn(text)),
	]);
	if (type !== "") throw single(multus, path, { type });
	for (const name of ["disablecheck", "disablegc"]) {
		const [key, value] = fieldOf(membersOf(keys), name) ?? [];
		if (typeof (value ?? true) !== "boolean")
			throw unreadable(path, `${key} is neither true nor false`);
	}
	const list = parseConflist(path, text);
	if (list.plugins.length === 0) throw unreadable(path, "it has no plugins");
	return list;
}

function readable<T extends readonly unknown[]>(
	path: string,
	read: () => readonly [...T],
): readonly [...T] {
	try {
		return read();
	} catch (e) {
		if (e instanceof Unloadable || e instanceof TooComplex)
			throw unreadable(path, e.message);
		throw e;
	}
}

/** Returns a string of Multus's own configuration, or "" if there is none. */
function stringIn(
	own: Readonly<Record<string, unknown>>,
	name: string,
	path: string,
): string {
	const [key, value = ""] = fieldOf(membersOf(own), name) ?? [];
	if (typeof value !== "string") throw unreadable(path, `${key} is no string`);
	return value;
}

/** Returns where a path of Multus's container is for us. */
function onNode(host: FullHost, root: string, path: string): string {
	const at = path.endsWith("/") ? path.slice(0, -1) : path;
	const outside = at.startsWith(`${MOUNT}/`)
		? [root + at.slice(MOUNT.length)]
		: [];
	const found = [root + at, ...outside].find((p) => kindOf(host, p));
	return found ?? root + at;
}

/** Returns the files in which Multus looks for a network, in its order. */
function filesIn(host: FullHost, dir: string): string[] {
	return (namesIn(host, dir) ?? [])
		.filter((name) =>
			[".conf", ".json", ".conflist"].some((e) => name.endsWith(e)),
		)
		.sort()
		.map((name) => `${dir}/${name}`)
		.filter((path) => entryKind(host, path) !== "directory");
}

function unreadable(path: string, why: string): Refusal {
	return new Refusal(
		`Multus cannot load ${path}: ${why}`,
		"It starts no pod while it is like this. Repair it first.",
	);
}

function nothing(path: string, found: string): Refusal {
	return new Refusal(
		`${path} makes Multus call ${found}, where it finds no network`,
		"It starts no pod while it is like this. Repair it first.",
	);
}

function single(
	path: string,
	found: string,
	plugin: Pick<Item, "type"> | undefined,
): Refusal {
	return new Refusal(
		`${path} makes Multus call the single plugin ${plugin?.type}, in ${found}`,
		"A plugin can only be chained in a list: give Multus a .conflist with portmap to call, and restart it. A thin Multus reads that file again only with --cleanup-config-on-exit.",
	);
}
