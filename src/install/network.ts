// A configuration as libcni loads it from its file, with the drop-ins that libcni 1.3
// and later append: `<directory>/<network>/*.conf`. Which of a directory's files is
// loaded is decided in choice.ts.

import type { FullHost } from "../host.ts";
import { isObject } from "../objects.ts";
import {
	type Conflist,
	type Item,
	loading,
	parseConflist,
	TYPE,
} from "./conflist.ts";
import { membersIn, parseObject, Unloadable } from "./gojson.ts";
import { entryKind, kindOf, namesIn, textOf } from "./paths.ts";
import { decodePlugin } from "./pluginconf.ts";
import { Invalid, Refusal } from "./refusal.ts";

/** A list, or a single plugin's configuration. */
export interface Network {
	readonly path: string;
	readonly text: string;
	/** undefined if the file configures a single plugin. */
	readonly list: Conflist | undefined;
	/** The drop-ins by their names, in the order in which libcni appends them. */
	readonly dropIns: ReadonlyMap<string, Item>;
	/** All plugins in the order in which ADD calls them; at least one. */
	readonly plugins: readonly Item[];
	/** Why libcni, which loads it, then fails for every pod; undefined if it does not. */
	readonly failing: string | undefined;
}

/** The refusal of a list without any plugin: a drop-in would be its only one. */
export class Empty extends Invalid {
	readonly network: string;

	constructor(path: string, text: string, network: string) {
		const { type } = parseObject(text);
		super(
			path,
			typeof type === "string"
				? `it configures the single plugin ${type}, and no list`
				: "it has no plugins, and no drop-ins either",
		);
		this.network = network;
	}
}

/** The name of our own drop-in. */
export const DROP_IN = `90-${TYPE}.conf`;

/** The longest name of a directory (limits.h). libcni cannot look for the drop-ins of a network with a longer one. */
const NAME_MAX = 255;

/** Loads a file as go-cni and ocicni do. Returns undefined if the file is gone. Throws Refusal, and Invalid for what libcni would not load. */
export function loadNetwork(
	host: FullHost,
	path: string,
	readsDropIns: boolean,
): Network | undefined {
	const text = textOf(host, path);
	if (text === undefined) return undefined;
	const dropIns = new Map<string, Item>();
	let failing: string | undefined;
	if (!path.endsWith(".conflist"))
		return {
			...{ path, text, list: undefined, dropIns, failing },
			plugins: [parseSingle(path, text)],
		};
	const list = parseConflist(path, text);
	if (readsDropIns && !list.onlyInlined)
		for (const { name, item, fails } of loadDropIns(host, path, list.name)) {
			dropIns.set(name, item);
			failing ??= fails;
		}
	const plugins = [...list.plugins, ...dropIns.values()];
	if (plugins.length === 0) throw new Empty(path, text, list.name);
	return { path, text, list, dropIns, plugins, failing };
}

/** Returns the path of our drop-in for this network. Throws Refusal for a name that libcni would refuse. */
export function dropInOf(confDir: string, { name }: Conflist): string {
	if (!isNetworkName(name))
		throw new Refusal(
			`not the name of a network: ${name.slice(0, 100)}`,
			"libcni takes letters, digits, dots, underscores and hyphens.",
		);
	return `${confDir}/${name}/${DROP_IN}`;
}

/** Returns true for a name that libcni calls plugins with (utils.ValidateNetworkName). With it, a path cannot lead out of the directory. */
export function isNetworkName(name: string): boolean {
	// a character at a time, because a name may be as long as a file
	const isWord = (c: string): boolean => /\w/.test(c);
	return (
		name !== "" &&
		name.length <= NAME_MAX &&
		isWord(name.charAt(0)) &&
		name.charAt(0) !== "_" &&
		[...name].every((c) => isWord(c) || c === "." || c === "-")
	);
}

/** Reads a plugin's own configuration. Throws Invalid. */
export function parseSingle(path: string, text: string): Item {
	return loading(path, () => {
		const keys = parseObject(text);
		if ("plugins" in keys && typeof keys.type !== "string")
			throw new Invalid(path, "a list whose name does not end in .conflist");
		return { keys, ...decodePlugin(membersIn(text)) };
	});
}

interface DropIn {
	readonly name: string;
	readonly item: Item;
	readonly fails: string | undefined;
}

/** Loads what libcni.NetworkPluginConfsFromFiles does. One that it refuses keeps it from loading the list. */
function loadDropIns(host: FullHost, path: string, network: string): DropIn[] {
	const confDir = path.slice(0, path.lastIndexOf("/"));
	const dir = `${confDir}/${network}`;
	if (network.length > NAME_MAX)
		throw new Invalid(path, "its name is too long to have drop-ins");
	// with such a name no pod would start; the path would lead somewhere else
	if (!isNetworkName(network)) return [];
	const kind = kindOf(host, dir);
	if (kind === undefined) return [];
	if (kind !== "directory")
		throw new Invalid(path, `its drop-ins cannot be read: ${dir} is a file`);
	return (namesIn(host, dir) ?? [])
		.filter((name) => name.endsWith(".conf"))
		.sort()
		.flatMap((name): DropIn[] => {
			const file = `${dir}/${name}`;
			const isOwn = name === DROP_IN;
			if (entryKind(host, file) === "directory") return [];
			if (kindOf(host, file) !== "file")
				throw new Invalid(file, "it cannot be read");
			const text = textOf(host, file);
			if (text === undefined || (isOwn && isBroken(text))) return [];
			return [{ name, ...parseDropIn(file, text) }];
		});
}

/** Reads a drop-in. libcni decodes it into a struct, which has only some of its values, and every call decodes it into a map, which has all. */
function parseDropIn(path: string, text: string): Omit<DropIn, "name"> {
	return loading(path, () => {
		const members = membersIn(text);
		const item = { keys: keysOf(text), ...decodePlugin(members) };
		try {
			parseObject(text);
			return { item, fails: undefined };
		} catch (e) {
			if (!(e instanceof Unloadable)) throw e;
			return { item, fails: `${path}: ${e.message}` };
		}
	});
}

/** Returns the keys in a drop-in, or none if it is no JSON object. */
export function keysOf(text: string): Item["keys"] {
	try {
		const found: unknown = JSON.parse(text);
		return isObject(found) ? found : {};
	} catch {
		return {};
	}
}

/** Returns true if libcni would not load the drop-in. Our own is then as good as none, because install writes it anew. */
function isBroken(text: string): boolean {
	try {
		decodePlugin(membersIn(text));
		return false;
	} catch (e) {
		if (e instanceof Unloadable) return true;
		throw e;
	}
}
