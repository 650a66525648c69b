// The items of a List, from text that comes in parts of any size and in any layout.

import { describe, expect, test } from "vitest";
import { DocumentError } from "../../../../src/reconcile/frontends.ts";
import { readItems } from "../../../../src/reconcile/items.ts";

/** Returns a reader that gives so many characters at a time. */
function inParts(text: string, size: number): () => string {
	let at = 0;
	return () => {
		at += size;
		return text.slice(at - size, at);
	};
}

function itemsOf(text: string, size = 65536): unknown[] {
	const found: unknown[] = [];
	readItems(inParts(text, size), (item) => found.push(item));
	return found;
}

const ITEMS = [
	{ kind: "Service", metadata: { name: "a" }, spec: {} },
	{ note: 'a "quoted" \\ } ] { [', deep: [[{ a: [1, 2.5e3, true, null] }]] },
	{ note: "\n        }", path: "C:\\", last: "\\\\" },
	{},
	{ ключ: "значение 💥" },
	[],
	"text",
	-12,
	null,
];
const LIST = {
	apiVersion: "v1",
	items: ITEMS,
	kind: "List",
	metadata: { items: [1], resourceVersion: "" },
};
const LAYOUTS: Readonly<Record<string, string>> = {
	"as kubectl prints it": `${JSON.stringify(LIST, undefined, 4)}\n`,
	"with two spaces": JSON.stringify(LIST, undefined, 2),
	"with tabs": JSON.stringify(LIST, undefined, "\t"),
	"with CRLF": JSON.stringify(LIST, undefined, 4).replaceAll("\n", "\r\n"),
	"in one line": JSON.stringify(LIST),
	"an item a line": `{"items":[\n${ITEMS.map((i) => JSON.stringify(i)).join(",\n")}\n]}`,
	"an object that begins as if it were printed over lines": `{"items":[\n{\n"a":1},\n{"b":2}\n]}`,
};

describe.each(Object.entries(LAYOUTS))("%s", (name, text) =>
	test.each([1, 7, 64, 65536])("in parts of %d", (size) =>
		expect(itemsOf(text, size)).toEqual(
			name.startsWith("an object") ? [{ a: 1 }, { b: 2 }] : ITEMS,
		),
	),
);

test.each<[string, string, unknown[]]>([
	["no item", '{"items": []}', []],
	["null for the list", '{"items": null}', []],
	["several Lists", '{"items":[1]}\n{"kind":"List","items":[2]}', [1, 2]],
])("%s", (_, text, want) => {
	if (text.includes("null")) expect(() => itemsOf(text)).toThrow(DocumentError);
	else expect(itemsOf(text)).toEqual(want);
});

test.each<[string, string, string]>([
	["nothing", "", "empty: did kubectl fail?"],
	["space", " \n", "empty: did kubectl fail?"],
	["another document", "[]", 'not JSON: "[" in place of "{"'],
	["one object", '{"kind":"Service"}', "no List of kubectl: it has no items"],
	["words", "error: no server", 'not JSON: "e" in place of "{"'],
	["a cut in an item", '{"items":[{"a":1', "it ends early: did kubectl fail?"],
	["a cut in a text", '{"items":["a', "it ends early: did kubectl fail?"],
	["a cut between items", '{"items":[{},', "it ends early: did kubectl fail?"],
	[
		"a cut after the items",
		'{"items":[{}]',
		"it ends early: did kubectl fail?",
	],
	[
		"a cut of printed lines",
		'{\n "items": [\n  {\n   "a": 1,\n',
		"it ends early",
	],
	["what is no word", '{"items":[oops]}', "not JSON: "],
	["brackets that do not match", '{"items":[{"a":[}]}', "not JSON: "],
	["no comma", '{"items":[{} {}]}', 'not JSON: "{" in place of "]"'],
])("%s is refused", (_, text, message) => {
	for (const size of [1, 65536]) {
		const read = (): unknown[] => itemsOf(text, size);
		expect(read).toThrow(DocumentError);
		expect(read).toThrow(message);
	}
});

test("an item without end is refused before it fills the memory", () => {
	let parts = 0;
	const read = (): string =>
		parts++ === 0 ? '{"items":["' : "x".repeat(1 << 20);
	expect(() => readItems(read, () => {})).toThrow("more than 16 MiB");
	expect(parts).toBeLessThan(20);
});

test("what the reader throws is thrown", () =>
	expect(() =>
		readItems(
			() => {
				throw new Error("EIO");
			},
			() => {},
		),
	).toThrow("EIO"));
