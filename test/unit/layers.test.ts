// The floors of the house: who may import whom, read from the sources themselves.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
	folderOf,
	type Import,
	importsOf,
	ROOT,
	sourcesIn,
} from "../../build/imports.ts";

/**
 * From the ground up. A file imports from its own floor and from those below it, type
 * imports included. docs/architecture.md says what is on each floor.
 */
const FLOORS = [
	"src",
	"src/net",
	"src/netlink",
	"src/steering",
	"src/conntrack",
	"src/rules",
	"src/policy",
	"src/libcni",
	"src/state",
	"src/flush",
	"src/reconcile",
	"src/sweep",
	"src/metrics",
	"src/install",
	"src/doctor",
	"src/page",
	"src/cli",
	"plugin/cni",
	"plugin/verbs",
	"plugin",
];

const FILES = [...sourcesIn("src"), ...sourcesIn("plugin")];
const IMPORTS = FILES.flatMap(importsOf);
/** Lines for the reader: who imports what must not be imported. */
const broken = (rule: (i: Import) => boolean): string[] =>
	IMPORTS.filter(rule).map((i) => `${i.from} imports ${i.to}`);
const isNodeHost = (path: string): boolean =>
	/^plugin\/host\/node(\.ts$|\/)/.test(path);
const isOurs = (path: string): boolean => /^(src|plugin)\//.test(path);

test("the imports are found: this test sees what it judges", () => {
	expect(FILES).toContain("src/netlink/nl.ts");
	expect(FILES.filter(isNodeHost).length).toBeGreaterThan(1);
	const to = new Set(IMPORTS.map((i) => i.to));
	for (const path of [
		"src/host.ts",
		"src/netlink/nl.ts",
		"plugin/cni/conf.ts",
		"plugin/verbs/add.ts",
		"build/gen/conf.validate.js",
		"node:fs",
	])
		expect(to, path).toContain(path);
	expect(IMPORTS.filter((i) => i.typeOnly).length).toBeGreaterThan(50);
	expect(IMPORTS.filter((i) => i.lazy).length).toBeGreaterThan(10);
});

describe("floors", () => {
	test("every folder is one, but for the hosts", () => {
		const folders = new Set(FILES.map(folderOf));
		const others = [...folders].filter(
			(folder) => !FLOORS.includes(folder) && !folder.startsWith("plugin/host"),
		);
		expect(others).toEqual([]);
		expect(FLOORS.filter((floor) => !folders.has(floor))).toEqual([]);
	});

	test("nobody imports from a floor above, types included", () =>
		expect(
			broken(
				({ from, to }) =>
					isOurs(to) &&
					!from.startsWith("plugin/host/") &&
					FLOORS.indexOf(folderOf(to)) > FLOORS.indexOf(folderOf(from)),
			),
		).toEqual([]));

	test("no circle of files is left, not even of types", () => {
		const graph = new Map(
			FILES.map((path) => [path, IMPORTS.filter((i) => i.from === path)]),
		);
		/** The first way from `path` back to a file that is on it. */
		const circleFrom = (
			path: string,
			way: readonly string[],
			done: Set<string>,
		): string[] | undefined => {
			if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
			if (done.has(path)) return undefined;
			for (const { to } of graph.get(path) ?? []) {
				const found = circleFrom(to, [...way, path], done);
				if (found) return found;
			}
			done.add(path);
			return undefined;
		};
		const done = new Set<string>();
		const circles = FILES.map((path) => circleFrom(path, [], done)).filter(
			(circle) => circle !== undefined,
		);
		expect(circles).toEqual([]);
	});

	test("a verb needs nothing of the command line, the installer, the doctor and the agent", () =>
		expect(
			broken(
				({ from, to }) =>
					/^plugin\/(cni|verbs)\//.test(from) &&
					/^src\/(reconcile|sweep|metrics|install|doctor|page|cli)\//.test(to),
			),
		).toEqual([]));

	test("main.ts alone loads verbs and the command line", () =>
		expect(
			broken(
				({ from, to }) =>
					!/^plugin\/(main\.ts|verbs\/)/.test(from) &&
					(to.startsWith("plugin/verbs/") || to === "src/cli/cli.ts"),
			),
		).toEqual([]));

	test("what is pure asks no host", () =>
		expect(
			broken(
				({ from, to, typeOnly }) =>
					((/^src\/(net|rules|policy)\//.test(from) &&
						// these read the rules
						!/^src\/rules\/(ruleset|publishers|legacy\.read|ipvs\.read)\.ts$/.test(
							from,
						)) ||
						/^src\/libcni\/(result|portmappings|podname)\.ts$/.test(from)) &&
					(to === "src/host.ts" || (to === "src/context.ts" && !typeOnly)),
			),
		).toEqual([]));
});

test("one name, one meaning: no name is exported twice", () => {
	const owners = new Map<string, string[]>();
	for (const path of FILES)
		for (const [, name = ""] of readFileSync(join(ROOT, path), "utf8").matchAll(
			/^export (?:async )?(?:function|class|interface|type|const) (\w+)/gm,
		))
			owners.set(name, [...(owners.get(name) ?? []), path]);
	expect(owners.size).toBeGreaterThan(300);
	expect([...owners].filter(([, paths]) => paths.length > 1)).toEqual([]);
});

describe("what is outside", () => {
	test("plugin and src know nothing of test", () =>
		expect(broken((i) => i.to.startsWith("test/"))).toEqual([]));

	test("of build, each schema's owner uses its compiled validator", () =>
		expect(
			IMPORTS.filter((i) => i.to.startsWith("build/")).map((i) => [
				i.from,
				i.to,
			]),
		).toEqual([
			["src/reconcile/frontends.ts", "build/gen/frontends.validate.js"],
			["plugin/cni/conf.check.ts", "build/gen/conf.validate.js"],
		]));

	test("nobody imports a host", () =>
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

	test("every import of ours names its file, with .ts or the schema's .json", () => {
		const odd = broken(
			(i) =>
				isOurs(i.to) &&
				!FILES.includes(i.to) &&
				i.to !== "src/reconcile/frontends.schema.json",
		);
		expect(odd).toEqual([]);
	});
});

describe("tests", () => {
	/** A file that exports no function and no class has nothing to run: types, constants. */
	const runs = (path: string): boolean =>
		/^export (async )?(function|class) |^export const \w+ = (async )?\(|^export const \w+ = command\(/m.test(
			readFileSync(join(ROOT, path), "utf8"),
		);
	/** `src/cli/list`: what the names of a source and of its tests begin with. */
	const stem = (path: string): string =>
		path.replace(/^(.*\/[^./]+)\..*$/, "$1");
	const tests = sourcesIn("test/unit").map((path) =>
		path.replace("test/unit/", ""),
	);

	test("every file that does anything has the test of its name", () => {
		const stems = new Set(
			tests.filter((path) => path.endsWith(".test.ts")).map(stem),
		);
		const without = FILES.filter(runs)
			// the hosts are tested side by side, in test/conformance
			.filter((path) => !path.startsWith("plugin/host/node/"))
			.filter((path) => !stems.has(stem(path)));
		expect(without).toEqual([]);
	});

	test("every test has the name of a file or a folder", () => {
		const own = ["architecture.test.ts", "chunks.test.ts", "layers.test.ts"];
		const npm = readdirSync(join(ROOT, "npm")).map((name) => `npm/${name}`);
		const stems = new Set([...FILES, ...npm].map(stem));
		expect(
			tests.filter((path) => !own.includes(path) && !stems.has(stem(path))),
		).toEqual([]);
	});

	test("test/unit holds tests alone: helpers are in test/support, none named like a source file", () => {
		expect(tests.filter((path) => !path.endsWith(".test.ts"))).toEqual([]);
		const names = new Set(FILES.map((path) => path.split("/").at(-1)));
		const helpers = readdirSync(join(ROOT, "test/support/unit"));
		expect(helpers.filter((name) => names.has(name))).toEqual([]);
		expect(existsSync(join(ROOT, "test/support/unit"))).toBe(true);
	});
});
