// docs/install.md has the table of differences.ts. UPDATE_DOCS=1 writes it; otherwise a
// difference is a failure.

import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { DIFFERENCES } from "./differences.ts";

const DOCUMENT = "docs/install.md";

test("its table is that of the test", () => {
	const text = readFileSync(DOCUMENT, "utf8");
	const rows = DIFFERENCES.map(
		({ what, theirs, reason }) => `| ${what} | ${theirs} | ${reason} |`,
	);
	const table = [
		"| what | the programs | why install refuses |",
		"| --- | --- | --- |",
		...rows,
	].join("\n");
	const [before, after] = ["<!-- differences -->", "<!-- /differences -->"];
	const start = text.indexOf(before) + before.length;
	const want = `${text.slice(0, start)}\n${table}\n${text.slice(text.indexOf(after))}`;
	if (process.env.UPDATE_DOCS) writeFileSync(DOCUMENT, want);
	else expect(text).toBe(want);
});
