// Who may import whom, read from the sources themselves.

import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join, posix, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Paths from the root of the repository. */
function sourcesIn(dir: string): string[] {
	return readdirSync(join(ROOT, dir), { recursive: true, encoding: "utf8" })
		.map((name) => posix.join(dir, name))
		.filter(
			(path) =>
				path.endsWith(".ts") &&
				!path.includes("/native/") &&
				!path.includes("/node_modules/"),
		);
}

interface Import {
	readonly from: string;
	/** A path from the root, or a package's name. */
	readonly to: string;
	/** Erased by the compiler: no code is loaded. */
	readonly typeOnly: boolean;
}

function importsOf(path: string): Import[] {
	const text = readFileSync(join(ROOT, path), "utf8").replace(
		/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
		"",
	);
	const statements = [
		...text.matchAll(
			/^\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s*["']([^"']+)["']/gm,
		),
		...text.matchAll(/\bimport\s*()\(\s*["']([^"']+)["']/g),
		...text.matchAll(/^\s*import\s*()["']([^"']+)["']/gm),
		...text.matchAll(/\brequire\s*()\(\s*["']([^"']+)["']/g),
	];
	return statements.map(([, type, to = ""]) => ({
		from: path,
		to: to.startsWith(".")
			? relative(ROOT, join(ROOT, posix.dirname(path), to))
			: to,
		typeOnly: Boolean(type),
	}));
}

const FILES = [...sourcesIn("src"), ...sourcesIn("plugin")];
const IMPORTS = FILES.flatMap(importsOf);
/** Lines for the reader: who imports what must not be imported. */
const broken = (rule: (i: Import) => boolean): string[] =>
	IMPORTS.filter(rule).map((i) => `${i.from} imports ${i.to}`);
const isNodeHost = (path: string): boolean =>
	/^plugin\/host\/node(\.ts$|\/)/.test(path);

test("the imports are found: this test sees what it judges", () => {
	expect(FILES).toContain("src/netlink/nl.ts");
	expect(FILES.filter(isNodeHost).length).toBeGreaterThan(1);
	const to = new Set(IMPORTS.map((i) => i.to));
	for (const path of [
		"src/host.ts",
		"src/netlink/nl.ts",
		"plugin/conf.ts",
		"plugin/verbs/add.ts",
		"build/gen/conf.validate.js",
		"node:fs",
	])
		expect(to, path).toContain(path);
});

describe("direction", () => {
	test("src knows nothing of plugin, build or test, but for its own compiled schema", () =>
		expect(
			broken(
				(i) =>
					i.from.startsWith("src/") &&
					/^(plugin|build|test)\//.test(i.to) &&
					i.to !== "build/gen/frontends.validate.js",
			),
		).toEqual([]));

	test("plugin and src know nothing of test", () =>
		expect(broken((i) => i.to.startsWith("test/"))).toEqual([]));

	test("of build, only the compiled schemas are used", () =>
		expect(
			broken(
				(i) =>
					i.to.startsWith("build/") &&
					!/^build\/gen\/(conf|frontends)\.validate\.js$/.test(i.to),
			),
		).toEqual([]));

	test("what is pure imports no host", () =>
		expect(
			broken(
				(i) =>
					/^src\/(netlink\/.*|stale|plan|ip|proto)\.ts$/.test(i.from) &&
					i.to === "src/host.ts",
			),
		).toEqual([]));

	test("netlink/ imports ip, proto and itself alone", () =>
		expect(
			broken(
				(i) =>
					i.from.startsWith("src/netlink/") &&
					!/^src\/(netlink\/.*|ip|proto)\.ts$/.test(i.to),
			),
		).toEqual([]));

	test("addresses and protocols import nothing", () =>
		expect(broken((i) => /^src\/(ip|proto)\.ts$/.test(i.from))).toEqual([]));

	test("the predicate and the planner import what is pure alone", () =>
		expect(
			broken(
				(i) =>
					/^src\/(stale|plan)\.ts$/.test(i.from) &&
					!/^src\/(netlink\/.*|stale|counts|ip|proto)\.ts$/.test(i.to),
			),
		).toEqual([]));

	test("the command line is not imported by the library", () =>
		expect(
			broken(
				(i) =>
					i.to.startsWith("src/cli/") &&
					i.from.startsWith("src/") &&
					!i.from.startsWith("src/cli/"),
			),
		).toEqual([]));

	test("the installer is imported by the command line, and by the doctor, who looks at its work", () =>
		expect(
			broken(
				(i) =>
					i.to.startsWith("src/install/") &&
					!/^src\/(cli|doctor|install)\//.test(i.from),
			),
		).toEqual([]));

	test("only the entry imports the command line and the verbs", () => {
		expect(
			broken(
				(i) => i.from !== "plugin/main.ts" && /^plugin\/verbs\//.test(i.to),
			),
		).toEqual([]);
		expect(
			broken(
				(i) =>
					i.from.startsWith("plugin/") &&
					i.from !== "plugin/main.ts" &&
					i.to.startsWith("src/cli/"),
			),
		).toEqual([]);
	});
});

describe("hosts", () => {
	test("nobody imports one", () =>
		expect(
			broken((i) => i.to.startsWith("plugin/host/") && !isNodeHost(i.from)),
		).toEqual([]));

	test("Node's own modules are for the Node host", () => {
		const foreign = (to: string): boolean =>
			to.startsWith("node:") || builtinModules.includes(to);
		expect(
			broken((i) => !isNodeHost(i.from) && foreign(i.to) && !i.typeOnly),
		).toEqual([]);
	});

	test("packages are for the command line, the installer and the Node host, not for a verb", () => {
		expect(
			broken(
				(i) =>
					!isNodeHost(i.from) &&
					!/^src\/(cli|install)\//.test(i.from) &&
					!i.typeOnly &&
					!/^(src|plugin|build|package\.json)/.test(i.to),
			),
		).toEqual([]);
	});

	test("no library file names what only Node or a browser has", () => {
		const names =
			/\b(process|Buffer|console|setTimeout|setImmediate|TextEncoder|TextDecoder|URL|globalThis|structuredClone)\b\s*[.(]/;
		const using = FILES.filter((path) => !isNodeHost(path)).filter((path) => {
			const text = readFileSync(join(ROOT, path), "utf8").replace(
				/\/\*[\s\S]*?\*\/|\/\/.*$|`(?:[^`\\]|\\.)*`|"(?:[^"\\\n]|\\.)*"/gm,
				"",
			);
			return names.test(text);
		});
		expect(using).toEqual([]);
	});
});

describe("cycles", () => {
	/** The first way from `path` back to one that is on it. */
	function cycleFrom(
		path: string,
		way: readonly string[],
		done: Set<string>,
	): string[] | undefined {
		if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
		if (done.has(path)) return undefined;
		for (const { to } of GRAPH.get(path) ?? []) {
			const found = cycleFrom(to, [...way, path], done);
			if (found) return found;
		}
		done.add(path);
		return undefined;
	}
	const GRAPH = new Map(
		FILES.map((path) => [
			path,
			IMPORTS.filter((i) => i.from === path && !i.typeOnly),
		]),
	);

	test("there are none", () => {
		const done = new Set<string>();
		const found = FILES.map((path) => cycleFrom(path, [], done)).filter(
			(way) => way !== undefined,
		);
		expect(found).toEqual([]);
	});
});

test("every import of ours names its file, with .ts or the schema's .json", () => {
	const odd = broken(
		(i) =>
			/^(src|plugin)\//.test(i.to) &&
			!FILES.includes(i.to) &&
			i.to !== "src/reconcile/frontends.schema.json",
	);
	expect(odd).toEqual([]);
});
