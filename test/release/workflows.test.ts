// The workflows: right for GitHub as far as that can be known here, and nothing in them
// that can change by itself or cannot be run here.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { run } from "../support/exec.ts";
import { tool, version } from "../support/runtimes/tools.ts";

const DIR = ".github/workflows";
const FILES = readdirSync(DIR).map((name) => `${DIR}/${name}`);

/** What the steps run that is no target of make. */
const ELSE = /^gh release create /;

test("actionlint finds nothing", async () => {
	const { code, stdout } = await run([
		tool(`actionlint-${version("ACTIONLINT")}/actionlint`),
		...["-shellcheck=", "-pyflakes=", ...FILES],
	]);
	expect(stdout).toBe("");
	expect(code).toBe(0);
});

describe.each(FILES)("%s", (path) => {
	const text = readFileSync(path, "utf8");

	test("names actions by commit, with their version beside it, and images by digest", () => {
		const uses = [...text.matchAll(/uses: (.*)$/gm)].map(([, what]) => what);
		expect(uses.length).toBeGreaterThan(0);
		for (const what of uses)
			expect(what).toMatch(/^[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/);
		for (const [, image] of text.matchAll(/image: (.*)$/gm))
			expect(image).toMatch(/@sha256:[0-9a-f]{64}$/);
	});

	test("may do no more than it says", () => {
		expect(text).toMatch(/^permissions:\n {2}contents: read\n/m);
		const checkouts = text.match(/actions\/checkout@/g)?.length ?? 0;
		expect(text.match(/persist-credentials: false/g)).toHaveLength(checkouts);
	});

	test("runs nothing but targets of make", () => {
		const makefile = readFileSync("Makefile", "utf8");
		const targets = new Set(
			[...makefile.matchAll(/^([a-z-]+):/gm)].map(([, target]) => target),
		);
		for (const [, command = ""] of text.matchAll(/run: (.*)$/gm)) {
			if (ELSE.test(command)) continue;
			const [, target] = /^make (?:--silent )?([a-z-]+)/.exec(command) ?? [];
			expect(targets, command).toContain(target);
		}
	});
});
