// Who imports whom, read from the sources themselves: for the test of the floors, the
// test of the chunks, and the picture in docs/architecture.md.

import { readdirSync, readFileSync } from "node:fs";
import { join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the repository. */
export const ROOT = fileURLToPath(new URL("..", import.meta.url));

export interface Import {
	readonly from: string;
	/** A path from the root, or the name of a package. */
	readonly to: string;
	/** True if the compiler erases it, so that no code is loaded. */
	readonly typeOnly: boolean;
	/** True for `import("…")`: the code is loaded when that line runs. */
	readonly lazy: boolean;
}

/** Returns the TypeScript files below a directory, as paths from the root. */
export function sourcesIn(dir: string): string[] {
	return readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
		.map((name) => posix.join(dir, name))
		.filter(
			(path) =>
				path.endsWith(".ts") &&
				!path.includes("/native/") &&
				!path.includes("/node_modules/"),
		)
		.sort();
}

/** The forms of an import, each with `type` and the specifier as its groups, and whether it is lazy. */
const STATEMENTS: readonly (readonly [RegExp, boolean])[] = [
	[/^\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s*["']([^"']+)["']/gm, false],
	[/\bimport\s*()\(\s*["']([^"']+)["']/g, true],
	[/^\s*import\s*()["']([^"']+)["']/gm, false],
	[/\brequire\s*()\(\s*["']([^"']+)["']/g, false],
];

/** Returns the imports of one file. Comments are passed over. */
export function importsOf(path: string): Import[] {
	const text = readFileSync(join(ROOT, path), "utf8").replace(
		/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
		"",
	);
	return STATEMENTS.flatMap(([pattern, lazy]) =>
		[...text.matchAll(pattern)].map(([, type, to = ""]) => ({
			from: path,
			to: to.startsWith(".")
				? relative(ROOT, join(ROOT, posix.dirname(path), to))
				: to,
			typeOnly: Boolean(type),
			lazy,
		})),
	);
}

/** The folder of a file. */
export function folderOf(path: string): string {
	return posix.dirname(path);
}

/** Returns the roots and every file whose code is loaded with them. */
export function loadedWith(
	roots: readonly string[],
	imports: readonly Import[],
): ReadonlySet<string> {
	const loaded = new Set<string>();
	const visit = (path: string): void => {
		if (loaded.has(path)) return;
		loaded.add(path);
		for (const { from, to, typeOnly, lazy } of imports)
			if (from === path && !typeOnly && !lazy) visit(to);
	};
	for (const root of roots) visit(root);
	return loaded;
}
