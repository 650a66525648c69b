// The bundle that the native host embeds. Every dynamic import begins a chunk of its
// own, so that a call loads only the code that it runs; main.js holds what every call
// loads. ENTRY and OUT name another program for the same host.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { defineConfig } from "rolldown";

const LOCK = "plugin/host/native/Cargo.lock";

/** Returns a name for what is built. The same sources give the same. */
export function buildId(): string {
	const hash = createHash("sha256");
	for (const path of [LOCK, "package-lock.json", "package.json", ...sources()])
		hash.update(`${path}\0${readFileSync(path, "utf8")}\0`);
	return hash.digest("hex").slice(0, 12);
}

/** Returns what `--version` prints of the build. */
function build(): string {
	const [, engine] =
		/name = "rquickjs"\nversion = "(.+?)"/.exec(readFileSync(LOCK, "utf8")) ??
		[];
	return `QuickJS-ng of rquickjs ${engine}, build ${buildId()}`;
}

function sources(): string[] {
	return ["src", "plugin"]
		.flatMap((dir) =>
			readdirSync(dir, { recursive: true, encoding: "utf8" }).map(
				(name) => `${dir}/${name}`,
			),
		)
		.filter((path) => /\.(ts|rs|json)$/.test(path) && !/\/target\//.test(path))
		.sort(); // the order of a directory is not reproducible
}

/**
 * The chunks that verbs load. A chunk is its roots and everything that they import,
 * without the files of the chunks above it. Without these, the bundler would cut the
 * verbs' code into pieces wherever a command shares one, and a module costs the engine
 * more than its bytes. test/unit/chunks.test.ts fails if a file lands in a wrong one.
 */
export const CHUNKS: readonly {
	readonly name: string;
	readonly roots: readonly string[];
}[] = [
	// Every call loads this one.
	{ name: "main", roots: ["plugin/main.ts"] },
	// Every DEL looks whether there is a record.
	{ name: "record", roots: ["src/state/path.ts"] },
	// The DEL of a plugin item with "on": "add" needs no more than this.
	{
		name: "store",
		roots: [
			"src/context.ts",
			"src/state/store.ts",
			"src/policy/mapping.ts",
			"plugin/cni/context.ts",
		],
	},
	// A verb that waits for its turn, and is then served by another, loads no more.
	{
		name: "turn",
		roots: [
			"src/flush/perform.ts",
			"src/flush/report.ts",
			"src/state/departures.ts",
			"plugin/verbs/attachment.ts",
		],
	},
	{ name: "queue", roots: ["src/state/queue.ts", "src/flush/ask.text.ts"] },
	{
		name: "conntrack",
		roots: ["src/conntrack/table.ts", "src/conntrack/verdictcache.ts"],
	},
	{
		name: "flush",
		roots: [
			"src/flush/flush.ts",
			"src/flush/addsearch.ts",
			"src/flush/delsearch.ts",
		],
	},
];

export default defineConfig({
	input: { main: process.env.ENTRY ?? "plugin/main.ts" },
	platform: "neutral",
	resolve: { mainFields: ["module", "main"] },
	transform: {
		target: "es2023",
		define: { BUILD: JSON.stringify(build()) },
	},
	treeshake: { moduleSideEffects: false },
	// Code that main.js shares with later chunks stays in main.js.
	preserveEntrySignatures: "allow-extension",
	experimental: { chunkOptimization: true },
	output: {
		dir: process.env.OUT ?? "build/out/bundle",
		cleanDir: true,
		format: "esm",
		chunkFileNames: "[name].js",
		comments: false,
		codeSplitting: {
			groups: CHUNKS.map(({ name, roots }, i) => ({
				name,
				test: (id: string) => roots.includes(relative(".", id)),
				// A file that several chunks import goes into the first of the list.
				priority: CHUNKS.length - i,
			})),
		},
		// Names stay, because stack traces need them.
		minify: {
			mangle: false,
			compress: true,
			codegen: { removeWhitespace: true },
		},
	},
});
