// A network's configuration as libcni reads it, and which names of a directory are
// configurations. It only reads texts; network.ts reads the files, edit.ts writes.

import { isObject } from "../objects.ts";
import { elementSpans, type Span } from "../rawjson.ts";
import { versionOf } from "./cniversion.ts";
import {
	fieldOf,
	membersOf,
	parseObject,
	TooComplex,
	Unloadable,
} from "./gojson.ts";
import { decodePlugin, type PluginParts } from "./pluginconf.ts";
import { Invalid, Refusal } from "./refusal.ts";

/** The executable's name is what a configuration calls it by. */
export const TYPE = "conntrack-flush";

/** A plugin item or a drop-in. */
export interface Item extends PluginParts {
	readonly keys: Readonly<Record<string, unknown>>;
}

/** What every plugin item has, if it is one at all. */
export type Named = Pick<Item, "type" | "keys">;

/** A plugin item, and where it stands in the text. */
export interface Plugin extends Item, Span {}

export interface Conflist {
	readonly name: string;
	readonly version: string;
	/** The plugin items in the order in which ADD calls them. If there are none, all plugins are drop-ins. */
	readonly plugins: readonly Plugin[];
	/** If true, libcni reads no drop-ins. */
	readonly onlyInlined: boolean;
}

type Json = Readonly<Record<string, unknown>>;

const ENDINGS = [".conf", ".conflist", ".json"];

/** Returns true if libcni looks into a file of this name. */
export function isConfName(name: string): boolean {
	return ENDINGS.some((ending) => name.endsWith(ending));
}

/** The ending that Cilium gives to the files of others. The file gets its own name back when Cilium ends. */
const RENAMED = ".cilium_bak";

export function isRenamed(name: string): boolean {
	return name.endsWith(RENAMED);
}

/** Returns the name without Cilium's ending. */
export function ownName(name: string): string {
	return isRenamed(name) ? name.slice(0, -RENAMED.length) : name;
}

/** Returns the names that libcni reads, in its order. */
export function confNames(names: readonly string[]): string[] {
	return names.filter(isConfName).sort();
}

/** Parses a list as libcni.NetworkConfFromBytes does. Throws Invalid if libcni would not take it. */
export function parseConflist(path: string, text: string): Conflist {
	return loading(path, () => {
		const list = parseObject(text);
		const { name } = list;
		if (typeof name !== "string") throw new Unloadable("no name");
		const version = versionOf(list);
		flagOf(list, "disableCheck");
		flagOf(list, "disableGC");
		const onlyInlined = flagOf(list, "loadOnlyInlinedPlugins");
		if (!("plugins" in list) && !onlyInlined)
			return { name, version, plugins: [], onlyInlined };
		if (!Array.isArray(list.plugins))
			throw new Unloadable("plugins is no list");
		if (list.plugins.length === 0) throw new Unloadable("plugins is empty");
		const plugins = list.plugins.map((value: unknown, i) => {
			try {
				if (value === null) throw new Unloadable("no type");
				if (!isObject(value)) throw new Unloadable("no object");
				return { keys: value, ...decodePlugin(membersOf(value)) };
			} catch (e) {
				if (e instanceof Unloadable)
					throw new Unloadable(`plugin ${i + 1}: ${e.message}`);
				throw e;
			}
		});
		const spans = elementSpans(text, "plugins") ?? [];
		return {
			name,
			version,
			plugins: plugins.map((plugin, i) => ({
				...plugin,
				...(spans[i] as Span),
			})),
			onlyInlined,
		};
	});
}

/** Returns the objects in the text's list `plugins`, with their types, whatever else libcni would refuse. Returns none if there is no such list. */
export function itemsIn(text: string): (Span & Named)[] {
	let list: unknown;
	try {
		list = JSON.parse(text);
	} catch {
		return [];
	}
	const { plugins } = isObject(list) ? list : {};
	if (!Array.isArray(plugins)) return [];
	return (elementSpans(text, "plugins") ?? []).map((span, i) => {
		const keys = isObject(plugins[i]) ? plugins[i] : {};
		const [, type] = fieldOf(membersOf(keys), "type") ?? [];
		return { ...span, type: typeof type === "string" ? type : "", keys };
	});
}

/** Returns what `load` returns. If it throws Unloadable, throws Invalid, which names the file. */
export function loading<T>(path: string, load: () => T): T {
	try {
		return load();
	} catch (e) {
		if (e instanceof Unloadable) throw new Invalid(path, e.message);
		if (e instanceof TooComplex)
			throw new Refusal(
				`${path} cannot be read here: ${e.message}`,
				"Make it simpler, or change it by hand (--mode print).",
			);
		throw e;
	}
}

/** Returns true or false as libcni reads it: from the words in any case, too. */
function flagOf(list: Json, key: string): boolean {
	const value = list[key];
	if (value === undefined) return false;
	const word = typeof value === "string" ? value.toLowerCase() : value;
	if (word === true || word === "true") return true;
	if (word === false || word === "false") return false;
	throw new Unloadable(`${key} is neither true nor false`);
}
