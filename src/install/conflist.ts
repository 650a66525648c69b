// A network's configuration as libcni reads it, and which file of a directory is
// the node's network. It reads; what is written is edit.ts's.

import { elementSpans, type Span } from "../rawjson.ts";
import { Refusal } from "./refusal.ts";

/** The executable's name is what a configuration calls it by. */
export const TYPE = "conntrack-flush";

export interface Plugin extends Span {
	readonly type: string;
	readonly keys: Readonly<Record<string, unknown>>;
}

export interface Conflist {
	readonly name: string;
	/** In the order in which ADD calls them; at least one. */
	readonly plugins: readonly Plugin[];
	/** libcni then reads no drop-ins. */
	readonly onlyInlined: boolean;
}

type Json = Readonly<Record<string, unknown>>;

/** Whether libcni looks into a file of this name. */
export function isConfName(name: string): boolean {
	return /\.(conf|conflist|json)$/.test(name);
}

/** Cilium's ending for what others configure; the file gets its own name back when Cilium goes. */
const RENAMED = ".cilium_bak";

export function isRenamed(name: string): boolean {
	return name.endsWith(RENAMED);
}

/** The name without Cilium's ending. */
export function ownName(name: string): string {
	return isRenamed(name) ? name.slice(0, -RENAMED.length) : name;
}

/** The names that libcni reads, in the order in which it does. */
export function confNames(names: readonly string[]): string[] {
	return names.filter(isConfName).sort();
}

/** Throws Refusal for what libcni would not take as a list, and for a single plugin's configuration. */
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

/** Multus calls the network that comes after it; what is to be changed is that one's. */
export function isMultus(path: string, text: string): boolean {
	const { type, plugins } = parseObject(path, text);
	const first = Array.isArray(plugins) ? plugins[0]?.type : type;
	return first === "multus" || first === "multus-shim";
}

/** The object that the file holds, as Go's decoder takes it: no comments, nothing after it. */
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
