// Our entries in the text of a conflist: put around portmap, and taken out
// again. Every other byte stays; taking out what was put in gives the text of
// before.

import { type Conflist, type Plugin, parseConflist, TYPE } from "./conflist.ts";
import { Refusal } from "./refusal.ts";

/** Keys of our own entries, in the order in which they are written. */
export type Keys = Readonly<Record<string, unknown>>;

/** The entries that a conflist is to have: around its last portmap, or one at its end. */
export type Arrangement =
	| { readonly around: readonly [Keys, Keys] }
	| { readonly last: Keys };

const PORT_MAPPINGS = { capabilities: { portMappings: true } };

/** What the place of an entry decides; the other keys are the user's. */
const PLACED = ["type", "on", "capabilities", "scope"];

/**
 * The entries that this list is to have. CRI-O makes the rules itself, takes them
 * away before DEL, and names no ports. Others call DEL in reverse order: with two
 * entries around portmap, the first one's comes after the rules have gone.
 */
export function arrangementOf(
	list: Conflist,
	isCrio: boolean,
	extra: Keys,
): Arrangement {
	const own = list.plugins.filter(isOurs);
	const keys = { ...extrasOf(own[0]?.keys), ...extra };
	if (isCrio || own.some((p) => p.keys.scope === "pod"))
		return { last: singleItem(true, keys) };
	if (lastPortmap(list.plugins) < 0) return { last: singleItem(false, keys) };
	return { around: splitItems(keys) };
}

/** The first goes before portmap, the second after it. */
export function splitItems(keys: Keys): [Keys, Keys] {
	return [
		{ type: TYPE, on: "del", ...PORT_MAPPINGS, ...keys },
		{ type: TYPE, on: "add", ...PORT_MAPPINGS, ...keys },
	];
}

/** One entry for a place where two cannot be: a drop-in, or a list without portmap. */
export function singleItem(isCrio: boolean, keys: Keys): Keys {
	return isCrio
		? { type: TYPE, scope: "pod", retireSeconds: 0, ...keys }
		: { type: TYPE, ...PORT_MAPPINGS, ...keys };
}

/** What the user has set in an entry of ours. */
export function extrasOf(keys: Keys = {}): Keys {
	return Object.fromEntries(
		Object.entries(keys).filter(([key]) => !PLACED.includes(key)),
	);
}

export function isOurs({ type }: { readonly type: string }): boolean {
	return type === TYPE;
}

/** The text with our entries arranged so and no others; the same text if they are. */
export function arrange(
	path: string,
	text: string,
	wanted: Arrangement,
): string {
	const list = parseConflist(path, text);
	if (isArranged(list, wanted)) return text;
	const bare = without(path, text);
	const { plugins } = parseConflist(path, bare);
	const at = plugins.at("around" in wanted ? lastPortmap(plugins) : -1);
	if (at === undefined || isOurs(at))
		throw new Refusal(
			`${path} lists nothing but ${TYPE}`,
			"Put the plugin that makes the pods' interfaces before it.",
		);
	const gap = gapBefore(bare, at);
	const like = bare.slice(at.from, at.to);
	const [before, after] =
		"around" in wanted ? wanted.around : [undefined, wanted.last];
	return (
		bare.slice(0, at.from) +
		(before ? `${write(before, like)},${gap}` : "") +
		`${like},${gap}${write(after, like)}` +
		bare.slice(at.to)
	);
}

/** The text without any entry of ours. */
export function without(path: string, text: string): string {
	const { plugins } = parseConflist(path, text);
	const i = plugins.findIndex(isOurs);
	const own = plugins[i];
	if (!own || plugins.length === 1) return text;
	const prev = plugins[i - 1];
	const next = plugins[i + 1];
	// with the comma and the gap that it brought
	const [from, to] =
		prev && !(next && own.keys.on === "del")
			? [prev.to, own.to]
			: [own.from, next?.from ?? own.to];
	return without(path, text.slice(0, from) + text.slice(to));
}

export function lastPortmap(
	plugins: readonly { readonly type: string }[],
): number {
	return plugins.findLastIndex(({ type }) => type === "portmap");
}

function isArranged({ plugins }: Conflist, wanted: Arrangement): boolean {
	const own = plugins.filter(isOurs);
	if ("last" in wanted) {
		const last = plugins.at(-1);
		return (
			own.length === 1 && own[0] === last && isLike(last?.keys, wanted.last)
		);
	}
	const at = lastPortmap(plugins);
	return (
		own.length === 2 &&
		isLike(plugins[at - 1]?.keys, wanted.around[0]) &&
		isLike(plugins[at + 1]?.keys, wanted.around[1])
	);
}

/** Whether the entry acts on the same verbs and has these keys; others are the user's. */
export function isLike(found: Keys | undefined, keys: Keys): boolean {
	return (
		(found?.on ?? "both") === (keys.on ?? "both") &&
		Object.entries(keys).every(
			([key, value]) => JSON.stringify(found?.[key]) === JSON.stringify(value),
		)
	);
}

/** The white space between the plugin and what stands before it. */
function gapBefore(text: string, { from }: Plugin): string {
	return /\s*$/.exec(text.slice(0, from))?.[0] ?? "";
}

/** The entry as JSON, laid out as its neighbour is. */
function write(keys: Keys, like: string): string {
	const [, open = "", close = ""] = /^\{(\s*)[\s\S]*?(\s*)\}$/.exec(like) ?? [];
	const line = /":\S/.test(like) ? compact : spaced;
	if (!open.includes("\n")) return line(keys);
	const colon = line === compact ? ":" : ": ";
	const members = Object.entries(keys).map(
		([key, value]) => `${JSON.stringify(key)}${colon}${line(value)}`,
	);
	return `{${open}${members.join(`,${open}`)}${close}}`;
}

function compact(value: unknown): string {
	return JSON.stringify(value);
}

/** On one line, with spaces. */
export function spaced(value: unknown): string {
	return JSON.stringify(value, null, 1).replace(/\n\s*/g, " ");
}
