// docs/architecture.md and its picture say what the sources say, and what CONTRIBUTING.md
// and SECURITY.md name exists.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { arrows, kinds, PICTURE, picture } from "../../build/architecture.ts";
import { CHUNKS } from "../../build/bundle.config.ts";
import { ROOT } from "../../build/imports.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const PAGE = read("docs/architecture.md");
const svg = read(PICTURE);

describe("the picture", () => {
	test("is drawn from these sources", () =>
		expect(svg === picture(), "npx tsx build/architecture.ts draws it").toBe(
			true,
		));

	test("has every file of the plugin and the library, and the Rust host", () => {
		const marked = svg.match(/class="(call|del|verb|command|types|host)"/g);
		// and one of each kind in the legend
		expect(marked?.length).toBe(kinds().size + 6);
	});

	test("has few enough arrows to follow, and each goes down", () => {
		const found = arrows();
		expect(found.length).toBeGreaterThan(15);
		expect(found.length).toBeLessThan(32);
		expect(
			found.filter((a) =>
				found.some((b) => b.from === a.to && b.to === a.from),
			),
		).toEqual([]);
	});

	test("is as wide as a page, and no text is smaller than 11 px", () => {
		expect(Number(/ width="(\d+)"/.exec(svg)?.[1])).toBeLessThanOrEqual(900);
		const sizes = [...svg.matchAll(/(?:font:|font-size:)(\d+)px/g)];
		expect(sizes.length).toBeGreaterThan(2);
		for (const [, size] of sizes)
			expect(Number(size)).toBeGreaterThanOrEqual(11);
	});
});

describe("the page", () => {
	/** Steps: `| 4 | `file` | `function` | …`. */
	const steps = [
		...PAGE.matchAll(/^\| \d+ \| `([\w./-]+)` \| `([\w.]+)` \|/gm),
	].map(([, file = "", name = ""]): [string, string] => [file, name]);
	/** `name` in `file`, or `name` of `file`. */
	const named = [
		...PAGE.matchAll(/`(\w+(?:\.\w+)?)` (?:in|of) `([\w./-]+\.ts)`/g),
	].map(([, name = "", file = ""]): [string, string] => [file, name]);

	test("names the functions of both ways", () => {
		expect(steps.length).toBeGreaterThan(25);
		expect(named.length).toBeGreaterThan(10);
	});

	test.each([...steps, ...named])("%s has %s", (file, name) => {
		const own = name.split(".").at(-1);
		expect(read(file)).toMatch(
			new RegExp(
				`\\b(function|class|const) ${own}\\b|^\\t(async )?${own}\\(`,
				"m",
			),
		);
	});

	test("has the limits of the guard", () => {
		const limits = JSON.parse(read("test/bench/guard.limits.json"));
		const stated = [...PAGE.matchAll(/(\d[\d ]*)[^\d()]*\(`([\w-]+)`\)/g)]
			.map(([, figure = "", name = ""]): [string, number] => [
				name,
				Number(figure.replaceAll(" ", "")),
			])
			.filter(([name]) => name !== "STALL_NS");
		expect(stated.length).toBeGreaterThan(6);
		for (const [name, figure] of stated)
			expect([name, figure]).toEqual([
				name,
				limits[name] ?? limits.instructions[name],
			]);
	});

	test("has figures near those of the last benchmark", () => {
		const [, ports] = / 100 ports cost ([\d.]+) times/.exec(PAGE) ?? [];
		const [, measured] =
			/ADD, 100 UDP ports, 262 144 entries: CPU, ours \/ ours, 1 port \| ([\d.]+)/.exec(
				read("docs/bench/README.md"),
			) ?? [];
		expect(Math.abs(Number(ports) - Number(measured))).toBeLessThan(0.1);
		const { rows } = JSON.parse(read("docs/bench/results.json"));
		const received = (kind: string): number =>
			rows.find(
				(r: { op: string; size: number; kind: string }) =>
					r.op === "add-1" && r.size === 20_000 && r.kind === kind,
			).traffic.receivedBytes;
		const [, ours, whole] =
			/receives ([\d ]+) bytes, and a program that dumps the table ([\d ]+) /.exec(
				PAGE,
			) ?? [];
		const ratio = (stated = "", found = 0): number =>
			Number(stated.replaceAll(" ", "")) / found;
		expect(ratio(ours, received("ours"))).toBeCloseTo(1, 1);
		expect(ratio(whole, received("floor"))).toBeCloseTo(1, 1);
	});

	test("lists the chunks of the bundle and what they begin with", () => {
		const rows = CHUNKS.map(
			({ name, roots }) =>
				`| \`${name}\` | ${roots.map((root) => `\`${root}\``).join(", ")} |`,
		);
		for (const row of rows) expect(PAGE).toContain(row);
	});
});

describe.each(["docs/architecture.md", "CONTRIBUTING.md", "SECURITY.md"])(
	"%s",
	(document) => {
		const text = read(document);

		test("names files that exist", () => {
			const paths = [
				...text.matchAll(
					/`((?:build|conflist-examples|deploy|docs|plugin|src|test)\/[\w./-]+)`/g,
				),
			].map(([, path = ""]) => path);
			expect(
				paths.filter(
					(path) =>
						!path.startsWith("build/out") && !existsSync(join(ROOT, path)),
				),
			).toEqual([]);
		});

		test("links to pages and sections that exist", () => {
			const headings = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
				title
					.toLowerCase()
					.replace(/[^\w -]/g, "")
					.replaceAll(" ", "-"),
			);
			const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(
				(m) => m[1] ?? "",
			);
			const broken = links.filter((link) => {
				if (/^https?:/.test(link)) return false;
				if (link.startsWith("#")) return !headings.includes(link.slice(1));
				return !existsSync(
					join(ROOT, dirname(document), link.replace(/#.*/, "")),
				);
			});
			expect(broken).toEqual([]);
		});
	},
);
