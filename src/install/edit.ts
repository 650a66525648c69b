// Our plugin items in the text of a conflist: they are put in, and taken out again.
// Every other byte stays: taking out what was put in gives the text of before. It
// reads and writes no files.

import { isObject } from "../objects.ts";
import type { Span } from "../rawjson.ts";
import { type Conflist, itemsIn, parseConflist, TYPE } from "./conflist.ts";
import { Refusal } from "./refusal.ts";

/** The keys of one of our plugin items, in the order in which they are written. */
export type Keys = Readonly<Record<string, unknown>>;

/** The plugin items that a conflist is to have: split around its last portmap, or a single one at its end. */
export type Arrangement =
	| { readonly split: readonly [Keys, Keys] }
	| { readonly single: Keys };

const PORT_MAPPINGS = { capabilities: { portMappings: true } };

/** The keys that the arrangement decides. All other keys are the user's. */
const PLACED = ["type", "on", "capabilities", "scope"];

/**
 * Returns the arrangement that this list is to have. CRI-O makes the rules itself,
 * removes them before DEL, and names no ports: a single plugin item will do. Other
 * runtimes call DEL in reverse order: the plugin item before portmap then runs after
 * portmap has removed its rules.
 */
export function arrangementOf(
	list: Conflist,
	isCrio: boolean,
	extra: Keys,
): Arrangement {
	const own = list.plugins.filter(isOurs);
	const keys = { ...extrasOf(own[0]?.keys), ...extra };
	if (isCrio || own.some((p) => p.keys.scope === "pod"))
		return { single: singleItem(true, keys) };
	if (lastPortmap(list.plugins) < 0) return { single: singleItem(false, keys) };
	return { split: splitItems(keys) };
}

/** Returns the two plugin items: the first goes before portmap, the second after it. */
export function splitItems(keys: Keys): [Keys, Keys] {
	return [
		{ type: TYPE, on: "del", ...PORT_MAPPINGS, ...keys },
		{ type: TYPE, on: "add", ...PORT_MAPPINGS, ...keys },
	];
}

/** Returns the single plugin item, for a place where two cannot be: a drop-in, or a list without portmap. */
export function singleItem(isCrio: boolean, keys: Keys): Keys {
	return isCrio
		? { type: TYPE, scope: "pod", retireSeconds: 0, ...keys }
		: { type: TYPE, ...PORT_MAPPINGS, ...keys };
}

/** Returns the keys that the user has set in a plugin item of ours. */
export function extrasOf(keys: Keys = {}): Keys {
	return Object.fromEntries(
		Object.entries(keys).filter(([key]) => !PLACED.includes(key)),
	);
}

export function isOurs({ type }: { readonly type: string }): boolean {
	return type === TYPE;
}

/** Returns the text with our plugin items as wanted, and no others of ours. Returns the same text if they are so already. */
export function arrange(
	path: string,
	text: string,
	wanted: Arrangement,
): string {
	const list = parseConflist(path, text);
	if (isArranged(list, wanted)) return text;
	const bare = without(text);
	const plugins = itemsIn(bare);
	const at = plugins.at("split" in wanted ? lastPortmap(plugins) : -1);
	if (at === undefined || isOurs(at))
		throw new Refusal(
			`${path} lists nothing but ${TYPE}`,
			"Put the plugin that makes the pods' interfaces before it.",
		);
	const gap = gapBefore(bare, at);
	const like = bare.slice(at.from, at.to);
	const [before, after] =
		"split" in wanted ? wanted.split : [undefined, wanted.single];
	return (
		bare.slice(0, at.from) +
		(before ? `${write(before, like)},${gap}` : "") +
		`${like},${gap}${write(after, like)}` +
		bare.slice(at.to)
	);
}

/** Returns the text without our plugin items. A list of nothing else stays as it is, and so does a text that is no list. */
export function without(text: string): string {
	const plugins = itemsIn(text);
	const i = plugins.findIndex(isOurs);
	const own = plugins[i];
	if (!own || plugins.length === 1) return text;
	const prev = plugins[i - 1];
	const next = plugins[i + 1];
	// the comma and the gap that came with the plugin item go with it
	const [from, to] =
		prev && !(next && own.keys.on === "del")
			? [prev.to, own.to]
			: [own.from, next?.from ?? own.to];
	return without(text.slice(0, from) + text.slice(to));
}

/** Returns the index of the last portmap, or -1. */
export function lastPortmap(
	plugins: readonly { readonly type: string }[],
): number {
	return plugins.findLastIndex(({ type }) => type === "portmap");
}

function isArranged({ plugins }: Conflist, wanted: Arrangement): boolean {
	const own = plugins.filter(isOurs);
	if ("single" in wanted) {
		const last = plugins.at(-1);
		return (
			own.length === 1 && own[0] === last && isLike(last?.keys, wanted.single)
		);
	}
	const at = lastPortmap(plugins);
	return (
		own.length === 2 &&
		isLike(plugins[at - 1]?.keys, wanted.split[0]) &&
		isLike(plugins[at + 1]?.keys, wanted.split[1])
	);
}

/** Returns true if the plugin item acts on the same verbs and has these keys. It may have more: those are the user's. */
export function isLike(found: Keys | undefined, keys: Keys): boolean {
	return (
		verbsOf(found) === verbsOf(keys) &&
		Object.entries(keys).every(
			([key, value]) => JSON.stringify(found?.[key]) === JSON.stringify(value),
		)
	);
}

/** Returns the verbs that a plugin item acts on. null is not the default: the plugin refuses it. */
export function verbsOf({ on = "both" }: Keys = {}): unknown {
	return on;
}

/** Returns the white space between the plugin item and the text before it. */
function gapBefore(text: string, { from }: Span): string {
	let start = from;
	while (start > 0 && isSpace(text, start - 1)) start--;
	return text.slice(start, from);
}

/** Returns the plugin item as JSON, laid out like its neighbour `like`. The neighbour may be long, and a regular expression would need memory for each of its characters. */
function write(keys: Keys, like: string): string {
	let first = 1;
	while (isSpace(like, first)) first++;
	const open = like.slice(1, first);
	const end = like.length - 1;
	const close = gapBefore(like, { from: end, to: end });
	const line = isCompact(like) ? compact : spaced;
	if (!open.includes("\n")) return line(keys);
	const colon = line === compact ? ":" : ": ";
	const members = Object.entries(keys).map(
		([key, value]) => `${JSON.stringify(key)}${colon}${line(value)}`,
	);
	return `{${open}${members.join(`,${open}`)}${close}}`;
}

/** Returns true if the value of the first member follows its colon at once. */
function isCompact(item: string): boolean {
	const colon = item.indexOf('":');
	return colon >= 0 && !isSpace(item, colon + 2);
}

/** Returns true if the character is white space of JSON. Control characters cannot be elsewhere in valid JSON. */
function isSpace(text: string, at: number): boolean {
	return text.charCodeAt(at) <= 0x20;
}

function compact(value: unknown): string {
	return JSON.stringify(value);
}

/** Returns the value as JSON on one line, with spaces. */
export function spaced(value: unknown): string {
	if (Array.isArray(value))
		return value.length > 0 ? `[ ${value.map(spaced).join(", ")} ]` : "[]";
	if (!isObject(value)) return JSON.stringify(value);
	const members = Object.entries(value).map(
		([key, inner]) => `${JSON.stringify(key)}: ${spaced(inner)}`,
	);
	return members.length > 0 ? `{ ${members.join(", ")} }` : "{}";
}
