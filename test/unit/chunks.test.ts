// What a call loads: the modules in the chunks of the bundle, as the bundler makes
// them. A module that lands in the wrong chunk is paid for by calls that do not run it.

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { OutputChunk } from "rolldown";
import { beforeAll, describe, expect, test } from "vitest";
import { CHUNKS } from "../../build/bundle.config.ts";
import { filesOf as allFilesOf, bundled } from "../../build/bundled.ts";
import { importsOf, loadedWith, ROOT, sourcesIn } from "../../build/imports.ts";

const IMPORTS = [...sourcesIn("src"), ...sourcesIn("plugin")].flatMap(
	importsOf,
);
const MAIN = "plugin/main.ts";
const WAIT = "src/flush/wait.ts";
const verbFiles = (...names: readonly string[]): string[] =>
	names.map((name) => `plugin/verbs/${name}.ts`);
/** Every file whose code some verb runs. */
const VERBS = loadedWith(
	[
		MAIN,
		...sourcesIn("plugin/cni"),
		...sourcesIn("plugin/verbs"),
		...["request", "wait", "lead"].map((name) => `src/flush/${name}.ts`),
		// the compiled schema, which TypeScript does not see
		"build/gen/conf.validate.js",
	],
	IMPORTS,
);

let chunks: ReadonlyMap<string, OutputChunk>;

beforeAll(async () => {
	chunks = await bundled();
});

/** The files of ours in a chunk; the bundler adds modules of its own. */
const filesOf = (chunk: OutputChunk): string[] =>
	allFilesOf(chunk).filter(
		(path) => !path.startsWith("..") && !path.includes("\0"),
	);

/** The chunks that are loaded with the one that has the file. */
function chunksWith(path: string): ReadonlySet<OutputChunk> {
	const first = [...chunks.values()].find((c) => filesOf(c).includes(path));
	if (!first) return expect.fail(`${path} is in no chunk`);
	const found = new Set<OutputChunk>();
	const visit = (chunk: OutputChunk): void => {
		if (found.has(chunk)) return;
		found.add(chunk);
		for (const name of chunk.imports) {
			const next = chunks.get(name);
			if (next) visit(next);
		}
	};
	visit(first);
	return found;
}

const loaded = (...paths: readonly string[]): string[] => [
	...new Set(paths.flatMap((path) => [...chunksWith(path)].flatMap(filesOf))),
];

describe("the roots of the chunks", () => {
	test.each(CHUNKS.flatMap(({ name, roots }) => roots.map((r) => [name, r])))(
		"%s: %s is a file",
		(_, root) => expect(existsSync(join(ROOT, root))).toBe(true),
	);

	test("each is in the chunk that is named for it", () => {
		for (const { name, roots } of CHUNKS)
			for (const root of roots)
				for (const chunk of chunks.values())
					if (filesOf(chunk).includes(root))
						expect([root, chunk.name]).toEqual([root, name]);
	});
});

describe("a call loads no file that it does not import", () => {
	test.each<[string, string[]]>([
		["any call", [MAIN]],
		["DEL without work", verbFiles("del")],
		["DEL that deletes its own record", verbFiles("del", "del.record")],
	])("%s", (_, roots) => {
		const needed = loadedWith([MAIN, ...roots], IMPORTS);
		expect(loaded(MAIN, ...roots).filter((path) => !needed.has(path))).toEqual(
			[],
		);
	});
});

describe("a verb with work loads no file that only commands need", () => {
	test.each<[string, string[]]>([
		["ADD", verbFiles("add.work")],
		["ADD whose result is not compact", verbFiles("add.result")],
		["DEL", verbFiles("del", "del.work")],
		["CHECK", verbFiles("check", "check.work")],
		["GC", verbFiles("gc")],
		["STATUS", verbFiles("status")],
		["a request that fails", ["plugin/cni/errors.ts"]],
		["DEL with a wrong key", ["plugin/cni/conf.lenient.ts"]],
	])("%s", (_, roots) => {
		const files = loaded(MAIN, ...roots);
		expect(files.length).toBeGreaterThan(3);
		expect(files.filter((path) => !VERBS.has(path))).toEqual([]);
	});

	test("STATUS does not load what flushes", () =>
		expect(loaded(...verbFiles("status"))).not.toContain("src/flush/flush.ts"));

	test.each<[string, string[]]>([
		["ADD", verbFiles("add.work")],
		["DEL", verbFiles("del", "del.work")],
	])(
		"%s that another one serves does not load what reads the table",
		(_, verb) => {
			const files = loaded(MAIN, ...verb, WAIT);
			expect(files).toContain("src/state/queue.ts");
			expect(files).not.toContain("src/flush/flush.ts");
			expect(files).not.toContain("src/conntrack/table.ts");
		},
	);
});

test("no file is in two chunks", () => {
	const all = [...chunks.values()].flatMap(filesOf);
	expect(all.filter((path, i) => all.indexOf(path) !== i)).toEqual([]);
});
