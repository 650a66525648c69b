// A request with thousands of port mappings: as objects they would need more memory than
// the program allows itself. So they are read one by one, and those in a row are joined.
// Requests of usual size do not load this file.

import { ROW_LENGTH } from "../../src/libcni/portmappings.ts";
import { isPort } from "../../src/net/proto.ts";
import { isObject } from "../../src/objects.ts";

/** What a list of port mappings begins with. libcni sorts members, so `capabilities`, where the name has no list, come first. */
const BEGIN = /"portMappings"\s*:\s*\[/g;
/** It takes the place of the list. No runtime writes it. */
const MARK = "the list of port mappings";

type Item = Record<string, unknown> & { [ROW_LENGTH]?: number };

/** An item, its ports, and the number of items in the row that it begins. */
interface Row {
	readonly item: Item;
	readonly host: number;
	readonly container: number;
	length: number;
}

/** Returns what JSON.parse returns, but items in a row as one with a ROW_LENGTH. Throws SyntaxError. */
export function parseBig(text: string): unknown {
	BEGIN.lastIndex = 0;
	const from = BEGIN.test(text) ? BEGIN.lastIndex : -1;
	const list = from < 0 ? undefined : readList(text, from);
	if (!list) return JSON.parse(text);
	const rest: unknown = JSON.parse(
		`${text.slice(0, from)}${JSON.stringify(MARK)}${text.slice(list.end)}`,
	);
	const config = isObject(rest) ? rest.runtimeConfig : undefined;
	const found = isObject(config) ? config.portMappings : undefined;
	// it was another list
	if (!Array.isArray(found) || found[0] !== MARK) return JSON.parse(text);
	// each by itself, because a call takes only so many arguments
	found.length = 0;
	for (const item of list.items) found.push(item);
	return rest;
}

/** Reads the flat objects of a list from offset `at` on. Returns undefined if it holds anything else. */
function readList(
	text: string,
	at: number,
): { readonly items: readonly object[]; readonly end: number } | undefined {
	const items: object[] = [];
	const rows = new Map<string, Row>();
	let from = at;
	for (;;) {
		from = spaceEnd(text, from);
		const to = text.indexOf("}", from) + 1;
		const found =
			text[from] === "{" && to > 0 ? read(text.slice(from, to)) : undefined;
		if (!found) return undefined;
		const { kind, ...row } = found;
		const before = rows.get(kind);
		if (
			before &&
			row.host === before.host + before.length &&
			row.container === before.container + before.length
		) {
			before.item[ROW_LENGTH] = ++before.length;
		} else {
			rows.set(kind, row);
			items.push(row.item);
		}
		from = spaceEnd(text, to);
		if (text[from] === "]") return { items, end: from };
		if (text[from] !== ",") return undefined;
		from++;
	}
}

/** Returns the item, its ports, and everything else of it as its kind; undefined if it has no ports. */
function read(text: string): (Row & { readonly kind: string }) | undefined {
	let item: Item;
	try {
		item = JSON.parse(text);
	} catch (e) {
		// a brace in a string, or an object in an object
		if (e instanceof SyntaxError) return undefined;
		throw e;
	}
	let kind = "";
	const ports: Record<string, number> = {};
	for (const [key, value] of Object.entries(item)) {
		const name = key.toLowerCase();
		if ((name === "hostport" || name === "containerport") && isPort(value))
			ports[name] = value;
		else kind += `${JSON.stringify([key, value])} `;
	}
	const { hostport: host, containerport: container } = ports;
	return host === undefined || container === undefined
		? undefined
		: { item, host, container, length: 1, kind };
}

function spaceEnd(text: string, at: number): number {
	let end = at;
	while (text.charCodeAt(end) <= 0x20) end++;
	return end;
}
