// The matrix on one kernel, of those that cannot flush by themselves (before
// 6.12). `make kernels` boots all.

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { boot } from "./boot.ts";
import { CASES } from "./cases/index.ts";
import { findKernel } from "./kernels.ts";
import { cell, DOCUMENT, documented, type Tested } from "./report.ts";
import type { Case } from "./script.ts";

const WISH = "6.1";
let tested: Tested;

beforeAll(async () => {
	const kernel = await findKernel(WISH);
	tested = { kernel, booted: await boot(kernel) };
}, 600_000);

test.each(CASES)(`Linux ${WISH}: $name`, ({ name }) => {
	expect(tested.booted.results.get(name)).toBeUndefined();
});

test("docs/kernels.md says what this kernel does", () => {
	const text = readFileSync(DOCUMENT, "utf8");
	const { kernel } = tested;
	// a series may have been repaired since the page was written
	const before = (c: Case): string => c.outcome?.(kernel) ?? "ok";
	for (const c of CASES)
		expect(
			[cell(c, tested), before(c)].map((does) => [c.name, does]),
		).toContainEqual([c.name, documented(text, c, kernel)]);
});
