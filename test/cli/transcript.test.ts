// docs/cli.md shows the real output. With UPDATE_DOCS=1 the test writes the page; without
// it a difference is a failure.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";
import { transcribe } from "./transcript.ts";

const DOC = "docs/cli.md";
const doc = readFileSync(DOC, "utf8");
const NAMES = [...doc.matchAll(/^<!-- ([a-z-]+) -->$/gm)].map(
	([, name]) => name ?? "",
);
let found: ReadonlyMap<string, string>;

beforeAll(async () => {
	found = await transcribe();
	if (!process.env.UPDATE_DOCS) return;
	let text = doc;
	for (const [name, section] of found) {
		const [from, to] = place(text, name);
		text = text.slice(0, from) + section + text.slice(to);
	}
	writeFileSync(DOC, text);
});
afterAll(undoAll);

function place(text: string, name: string): [number, number] {
	const begin = `<!-- ${name} -->\n`;
	return [
		text.indexOf(begin) + begin.length,
		text.indexOf(`\n<!-- /${name} -->`),
	];
}

test("every section of the transcript has its place, and every place its section", () =>
	expect(NAMES).toEqual([...found.keys()]));

test.each(NAMES)("%s", (name) => {
	const text = readFileSync(DOC, "utf8");
	expect(text.slice(...place(text, name))).toBe(found.get(name));
});
