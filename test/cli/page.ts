// The tests of a page that shows real output between marks. With UPDATE_DOCS=1 they write the
// page; without it a difference is a failure.

import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { undoAll } from "../support/undo.ts";

/** `transcribe` returns the text between the marks, by their names. */
export function testPage(
	path: string,
	transcribe: () => Promise<ReadonlyMap<string, string>>,
): void {
	const doc = readFileSync(path, "utf8");
	const names = [...doc.matchAll(/^<!-- ([a-z-]+) -->$/gm)].map(
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
		writeFileSync(path, text);
	});
	afterAll(undoAll);

	test("every section of the transcript has its place, and every place its section", () =>
		expect(names).toEqual([...found.keys()]));

	test.each(names)("%s", (name) => {
		const text = readFileSync(path, "utf8");
		expect(text.slice(...place(text, name))).toBe(found.get(name));
	});
}

function place(text: string, name: string): [number, number] {
	const begin = `<!-- ${name} -->\n`;
	return [
		text.indexOf(begin) + begin.length,
		text.indexOf(`\n<!-- /${name} -->`),
	];
}
