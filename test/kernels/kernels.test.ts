// The matrix on one kernel, of those that cannot flush by themselves (before
// 6.12). `make kernels` boots all. The races take minutes on two emulated CPUs, so here
// they are only those of the kernel that runs (test/races/meet.test.ts).

import { readFileSync } from "node:fs";
import { beforeAll, expect, test } from "vitest";
import { boot } from "./boot.ts";
import { CASES as ALL } from "./cases/index.ts";
import { RACES } from "./cases/races.ts";
import { findKernel } from "./kernels.ts";
import { cell, DOCUMENT, documented, type Tested } from "./report.ts";
import type { Case } from "./script.ts";

const WISH = "6.1";
const CASES = ALL.filter((c) => !RACES.includes(c));
let tested: Tested;

beforeAll(async () => {
	const kernel = await findKernel(WISH);
	tested = { kernel, booted: await boot(kernel, CASES) };
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
