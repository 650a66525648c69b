// `reconcile --services` against kube-proxy's own code: what CleanStaleEntries deletes,
// and what kube-proxy's rules would serve (test/oracle/kubeproxy). SERVICES_CASES is the
// number of generated cases, SERVICES_SEED where they begin.

import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { random } from "../support/random.ts";
import { askKubeProxy, ours } from "./services.answers.ts";
import { randomCase } from "./services.cases.ts";
import { DIFFERENCES, differencesTable } from "./services.differences.ts";

const CASES = Number(process.env.SERVICES_CASES ?? 4000);
const DOC = "docs/services.md";
const SEED = Number(process.env.SERVICES_SEED ?? 1);

const cases = Array.from({ length: CASES }, (_, i) =>
	randomCase(random(SEED + i)),
);

describe("kube-proxy's own code and ours", () => {
	test("agree, but for what stands in the table; and nothing goes that the rules would serve", async () => {
		const answers = await askKubeProxy(cases);
		expect(answers).toHaveLength(CASES);
		const met = new Map(DIFFERENCES.map((row) => [row, 0]));
		const unexplained: string[] = [];
		const broken: string[] = [];
		let agreed = 0;
		let both = 0;
		for (const [n, c] of cases.entries()) {
			const theirs = new Set(answers[n]?.deleted);
			const served = new Set(answers[n]?.served);
			const mine = new Set(ours(c));
			for (const [i, f] of c.flows.entries()) {
				const name = `seed ${SEED + n}: ${JSON.stringify(f)}`;
				if (mine.has(i) && served.has(i)) broken.push(name);
				if (mine.has(i) === theirs.has(i)) {
					agreed++;
					if (mine.has(i)) both++;
					continue;
				}
				const rows = DIFFERENCES.filter(
					(row) =>
						(row.kubeProxy === "deletes") === theirs.has(i) && row.holds(c, f),
				);
				for (const row of rows) met.set(row, (met.get(row) ?? 0) + 1);
				if (rows.length === 0)
					unexplained.push(
						`${name}: kube-proxy ${theirs.has(i) ? "deletes" : "keeps"}`,
					);
			}
		}
		expect(broken).toEqual([]);
		expect(unexplained).toEqual([]);
		// the comparison sees both answers, and no row is there in vain
		expect(both).toBeGreaterThan(CASES);
		expect(agreed).toBeGreaterThan(30 * CASES);
		expect(
			[...met].filter(([, n]) => n === 0).map(([row]) => row.what),
		).toEqual([]);
	});

	test("differ where docs/services.md says so", () => {
		const doc = readFileSync(DOC, "utf8");
		const table = `<!-- differences -->\n${differencesTable()}\n<!-- /differences -->`;
		if (process.env.UPDATE_DOCS)
			writeFileSync(
				DOC,
				doc.replace(/<!-- differences -->[\s\S]*<!-- \/differences -->/, table),
			);
		expect(readFileSync(DOC, "utf8")).toContain(table);
	});
});
