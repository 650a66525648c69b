// Texts of JSON in every layout that people and programs write: a document keeps the
// order of its members and may have a key twice, which an object cannot.

import type { Random } from "../support/random.ts";

/** Members in their order. */
export class Members {
	readonly list: [key: string, value: unknown][];

	constructor(...list: [key: string, value: unknown][]) {
		this.list = list;
	}
}

/** A piece of text that is written as it is: `1E400`. */
export class Raw {
	readonly text: string;

	constructor(text: string) {
		this.text = text;
	}
}

export interface Layout {
	/** The line feed, or "" for all on one line. */
	readonly feed: string;
	readonly indent: string;
	readonly colon: string;
	readonly comma: string;
	/** Innermost objects stand on one line. */
	readonly flat: boolean;
	/** How often a character of a key is escaped. */
	readonly escapes: number;
	readonly end: string;
}

/** Returns a layout of somebody's. */
export function layout(r: Random): Layout {
	const feed = r.pick(["\n", "\n", "\n", "\r\n", "", "", "\n\n"]);
	return {
		feed,
		indent: r.pick(["  ", "  ", "    ", "\t", ""]),
		colon: r.pick([": ", ": ", ":", " : ", ":\t"]),
		comma: r.pick([",", ",", ",", " ,", ", "]),
		flat: r.chance(0.4),
		escapes: r.chance(0.08) ? 0.3 : 0,
		end: r.pick(["\n", "\n", "", "", "\r\n", "  \n\t"]),
	};
}

/** Writes the document. */
export function write(r: Random, document: unknown, how: Layout): string {
	const text = (value: unknown, depth: number): string => {
		if (value instanceof Raw) return value.text;
		if (typeof value !== "object" || value === null)
			return JSON.stringify(value);
		const isList = Array.isArray(value);
		const [open, close] = isList ? "[]" : "{}";
		const items = isList
			? value.map((item) => text(item, depth + 1))
			: membersOf(value).map(
					([key, inner]) => `${name(key)}${how.colon}${text(inner, depth + 1)}`,
				);
		if (items.length === 0) return `${open}${close}`;
		const isFlat = how.feed === "" || (how.flat && !isList && depth > 1);
		if (isFlat)
			return `${open}${r.pick(["", " "])}${items.join(how.comma + r.pick(["", " "]))}${close}`;
		const line = how.feed + how.indent.repeat(depth + 1);
		return `${open}${line}${items.join(how.comma + line)}${how.feed}${how.indent.repeat(depth)}${close}`;
	};
	const name = (key: string): string =>
		`"${[...JSON.stringify(key).slice(1, -1)]
			.map((c) =>
				/[a-z]/.test(c) && r.chance(how.escapes)
					? `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`
					: c,
			)
			.join("")}"`;
	return text(document, 0) + how.end;
}

function membersOf(value: object): readonly (readonly [string, unknown])[] {
	return value instanceof Members ? value.list : Object.entries(value);
}
