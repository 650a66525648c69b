// Every verb, spec version and class of input, through the executable; the
// table of what it answers is docs/cni.md, and a difference fails.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { afterAll, expect, test } from "vitest";
import { call, outcome } from "./call.ts";
import {
	CLASSES,
	good,
	HOSTILE,
	type InputClass,
	UNUSUAL,
	VERBS,
	VERSIONS,
} from "./inputs.ts";

const DOC = "docs/cni.md";
const dataDir = mkdtempSync(`${tmpdir()}/cf-cni-`);
afterAll(() => rmSync(dataDir, { recursive: true }));

async function answer(
	verb: string,
	version: string,
	input: InputClass,
): Promise<string> {
	const conf = good(version, dataDir);
	const stdin = input.stdin ?? JSON.stringify(input.conf?.(conf) ?? conf);
	return outcome(
		verb,
		await call(verb, stdin, { ...(input.env && { env: input.env }) }),
	);
}

function table(
	columns: readonly string[],
	rows: readonly (readonly string[])[],
): string {
	return [["input", ...columns], ["---", ...columns.map(() => "---")], ...rows]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");
}

test.each(VERBS)("%s answers as documented", async (verb) => {
	const rows: string[][] = [];
	for (const input of CLASSES) {
		const row = [input.name];
		for (const version of VERSIONS)
			row.push(await answer(verb, version, input));
		rows.push(row);
	}
	expectDocumented(verb, table(VERSIONS, rows));
});

test("hostile input is answered as documented", async () => {
	const newest = JSON.stringify(good("1.1.0", dataDir));
	const rows: string[][] = [];
	for (const [name, make] of [...HOSTILE, ...UNUSUAL]) {
		const row = [name];
		for (const verb of VERBS)
			row.push(outcome(verb, await call(verb, make(newest))));
		rows.push(row);
	}
	expectDocumented("hostile", table(VERBS, rows));
});

/** Expects that the table of this name is this; with UPDATE_DOCS, makes it so. */
function expectDocumented(name: string, found: string): void {
	const doc = readFileSync(DOC, "utf8");
	const [begin, end] = [`<!-- ${name} -->\n`, `\n<!-- /${name} -->`];
	const from = doc.indexOf(begin) + begin.length;
	const to = doc.indexOf(end);
	if (process.env.UPDATE_DOCS)
		writeFileSync(DOC, doc.slice(0, from) + found + doc.slice(to));
	else expect(doc.slice(from, to)).toBe(found);
}
