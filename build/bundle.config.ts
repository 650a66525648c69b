// The bundle that the native host embeds: one chunk per dynamic import, so that
// a call loads only the code that it runs, and in main.js all that every call
// loads anyway. Set ENTRY and OUT for another program in the same host.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { relative } from "node:path";
import { defineConfig } from "rolldown";

/** What `--version` says of the build: the same sources, the same words. */
function build(): string {
	const lock = "plugin/host/native/Cargo.lock";
	const [, engine] =
		/name = "rquickjs"\nversion = "(.+?)"/.exec(readFileSync(lock, "utf8")) ??
		[];
	const hash = createHash("sha256");
	for (const path of [lock, "package-lock.json", "package.json", ...sources()])
		hash.update(`${path}\0${readFileSync(path, "utf8")}\0`);
	const id = hash.digest("hex").slice(0, 12);
	return `QuickJS-ng of rquickjs ${engine}, build ${id}`;
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
 * What a verb loads together stays together, whatever commands share it: a chunk is
 * its roots and all that they import, without what an earlier chunk has.
 */
export const CHUNKS: readonly {
	readonly name: string;
	readonly roots: readonly string[];
}[] = [
	// What every call loads stays in one file.
	{ name: "main", roots: ["plugin/main.ts"] },
	// One look at one file, on every DEL.
	{ name: "record", roots: ["src/state/path.ts"] },
	{ name: "ip", roots: ["src/net/ip.ts", "src/net/proto.ts"] },
	{
		name: "conntrack",
		roots: [
			"src/conntrack/table.ts",
			"src/conntrack/verdictcache.ts",
			"src/log.ts",
		],
	},
	{
		name: "flush",
		roots: [
			"src/flush/onadd.ts",
			"src/flush/ondel.ts",
			"src/state/departures.ts",
		],
	},
	{
		name: "attachment",
		roots: ["plugin/verbs/attachment.ts", "plugin/cni/context.ts"],
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
	// Code that main.js shares with later chunks stays in main.js: a module
	// costs the engine more than its bytes.
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
				// The first of the list takes what several would.
				priority: CHUNKS.length - i,
			})),
		},
		// Names stay, for stack traces; only what costs bytes goes.
		minify: {
			mangle: false,
			compress: true,
			codegen: { removeWhitespace: true },
		},
	},
});
