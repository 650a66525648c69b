// A network's configuration as libcni reads it, and which names of a directory are
// configurations. It only reads; edit.ts writes.

import { elementSpans, type Span } from "../rawjson.ts";
import { Refusal } from "./refusal.ts";

/** The executable's name is what a configuration calls it by. */
export const TYPE = "conntrack-flush";

/** A plugin item, and where it stands in the text. */
export interface Plugin extends Span {
	readonly type: string;
	readonly keys: Readonly<Record<string, unknown>>;
}

export interface Conflist {
	readonly name: string;
	/** The plugin items in the order in which ADD calls them; at least one. */
	readonly plugins: readonly Plugin[];
	/** If true, libcni reads no drop-ins. */
	readonly onlyInlined: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Returns true if libcni looks into a file of this name. */
export function isConfName(name: string): boolean {
	return /\.(conf|conflist|json)$/.test(name);
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

/** Parses a list. Throws Refusal if libcni would not take it as a list, and if it is a single plugin's configuration. */
export function parseConflist(path: string, text: string): Conflist {
	const list = parseObject(path, text);
	if (!("plugins" in list) && typeof list.type === "string")
		throw new Refusal(
			`${path} configures the single plugin ${list.type}`,
			"A plugin can only be chained in a list: put it into the plugins of a .conflist, which portmap needs too.",
		);
	if (!path.endsWith(".conflist"))
		throw invalid(path, "a list whose name does not end in .conflist");
	if (typeof list.name !== "string") throw invalid(path, "no name");
	const spans = elementSpans(text, "plugins");
	if (!Array.isArray(list.plugins) || spans?.length !== list.plugins.length)
		throw invalid(path, "plugins is not a list");
	if (spans.length === 0) throw invalid(path, "plugins is empty");
	const plugins = spans.map((span, i) => {
		const keys: Json = (list.plugins as Json[])[i] ?? {};
		if (typeof keys.type !== "string" || keys.type === "")
			throw invalid(path, `plugin ${i} has no type`);
		return { ...span, type: keys.type, keys };
	});
	return {
		name: list.name,
		plugins,
		onlyInlined: String(list.loadOnlyInlinedPlugins).toLowerCase() === "true",
	};
}

/** Returns true for a configuration of Multus. Multus calls the network of the next file, so that file is the one to change. */
export function isMultus(path: string, text: string): boolean {
	const { type, plugins } = parseObject(path, text);
	const first = Array.isArray(plugins) ? plugins[0]?.type : type;
	return first === "multus" || first === "multus-shim";
}

/** Returns the object that the file holds. It accepts what Go's decoder accepts: no comments, and nothing after the object. */
function parseObject(path: string, text: string): Json {
	let found: unknown;
	try {
		found = JSON.parse(text);
	} catch {
		throw invalid(path, "not JSON");
	}
	if (typeof found !== "object" || found === null || Array.isArray(found))
		throw invalid(path, "not a JSON object");
	return found as Json;
}

function invalid(path: string, why: string): Refusal {
	return new Refusal(
		`${path} is no network configuration: ${why}`,
		"containerd loads nothing while it is like this. Repair it or take it away.",
	);
}
