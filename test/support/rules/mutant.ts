// A copy of the sources with a fault in it, for the test of the tests. Only the process
// of judge.ts loads it.

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "../node.ts";
import { SOURCES } from "./judge.ts";

/** A file of src, a piece of its text, and what stands there instead. */
export type Edit = readonly [file: string, from: string, to: string];

/** Returns the directory of the copy. Throws if a piece is not in its file, because the fault would be none. */
export function mutant(edits: readonly Edit[]): string {
	const dir = temporaryDirectory("mutant");
	// its files are modules, as those of the package are
	writeFileSync(join(dir, "package.json"), '{ "type": "module" }');
	cpSync(SOURCES, dir, { recursive: true });
	for (const [file, from, to] of edits) {
		const path = join(dir, file);
		const text = readFileSync(path, "utf8");
		if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
		writeFileSync(path, text.replaceAll(from, to));
	}
	return dir;
}
