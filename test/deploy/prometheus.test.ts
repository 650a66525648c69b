// The files for Prometheus and Grafana name only metrics that there are, and
// Prometheus' own tool finds nothing to complain about.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { COUNTERS } from "../../src/conntrack/counters.ts";
import { metricsText } from "../../src/metrics/text.ts";
import { addLines, noTotals } from "../../src/metrics/totals.ts";
import { must } from "../support/exec.ts";

const RULES = "deploy/prometheus/rules.yaml";
/** Nobody publishes the page: whoever does writes its address in place of this one. */
const RUNBOOKS =
	"https://git.example/conntrack-flush/blob/main/docs/runbooks.md";

/** The metrics page with every family that there can be. */
function everything(): string {
	const totals = noTotals();
	addLines(
		totals,
		'["DEL","scan",3,1,1,1,1,{"dead-pod/17":3},{"16":1},"EPERM"]\n',
	);
	return metricsText(totals, {
		version: "1.2.3",
		installed: true,
		configured: true,
		attachments: 1,
		left: 0,
		usable: true,
		statistics: {
			entries: 5,
			max: 9,
			cpus: [],
			total: Object.fromEntries(COUNTERS.map((name) => [name, 1])),
		},
	});
}

/** Names of samples, a histogram's parts among them. */
const NAMES = new Set(
	everything()
		.split("\n")
		.map((line) => /^(\w+)/.exec(line)?.[1])
		.filter((name) => name !== undefined),
);

function named(expressions: string): string[] {
	return [...new Set(expressions.match(/\bconntrack_\w+/g))];
}

test("the metrics are as promtool wants them", async () => {
	expect(
		await must(["promtool", "check", "metrics"], { input: everything() }),
	).toBe("");
});

test("the rules are valid and do what their tests say", async () => {
	await must(["promtool", "check", "rules", RULES]);
	await must([
		"promtool",
		"test",
		"rules",
		"deploy/prometheus/rules.test.yaml",
	]);
});

test("the rules name only metrics that there are, and each has its test", () => {
	const text = readFileSync(RULES, "utf8");
	const used = named(text);
	expect(used.length).toBeGreaterThan(8);
	for (const name of used) expect(NAMES).toContain(name);
	const tests = readFileSync("deploy/prometheus/rules.test.yaml", "utf8");
	for (const [, alert] of text.matchAll(/alert: (\w+)/g))
		expect(tests).toContain(`alertname="${alert}"`);
});

test("each alert links to its runbook, and there is no other", () => {
	const page = readFileSync("docs/runbooks.md", "utf8");
	const sections = [...page.matchAll(/^## (.*)$/gm)].map(([, name]) => name);
	const text = readFileSync(RULES, "utf8");
	const alerts = [...text.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
	expect(alerts.length).toBeGreaterThan(8);
	expect(sections).toEqual(alerts);
	const links = [...text.matchAll(/runbook_url: (.*)$/gm)].map(
		([, url]) => url,
	);
	// GitHub's anchor of a heading
	expect(links).toEqual(
		alerts.map((name) => `${RUNBOOKS}#${name?.toLowerCase()}`),
	);
});

test("the object for the Prometheus operator has the same alerts", () => {
	const text = readFileSync(RULES, "utf8");
	const indented = text
		.slice(text.indexOf("groups:"))
		.replaceAll(/^(?=.)/gm, "  ");
	const object = readFileSync(
		"deploy/components/monitor/prometheusrule.yaml",
		"utf8",
	);
	expect(object.split("\nspec:\n")[1]).toBe(indented);
});

test("the dashboard names only metrics that there are, and all families", () => {
	const { panels } = JSON.parse(
		readFileSync("deploy/grafana/dashboard.json", "utf8"),
	);
	const expressions: string[] = panels.flatMap(
		(p: { targets: readonly { expr: string }[] }) =>
			p.targets.map((t) => t.expr),
	);
	const used = named(expressions.join("\n"));
	for (const name of used) expect(NAMES).toContain(name);
	const unused = [...NAMES].filter((name) => !used.includes(name));
	// how often entries are made or looked at says nothing about trouble
	expect(unused).toEqual([
		"conntrack_searched_total",
		"conntrack_insert_total",
	]);
});

test("the dashboard's expressions are PromQL", async () => {
	const { panels } = JSON.parse(
		readFileSync("deploy/grafana/dashboard.json", "utf8"),
	);
	const rules = panels.flatMap(
		(p: { targets: readonly { expr: string }[] }, i: number) =>
			p.targets.map((t, j) => ({
				record: `panel:${i}:${j}`,
				expr: t.expr.replaceAll("$__rate_interval", "5m"),
			})),
	);
	const groups = [{ name: "dashboard", rules }];
	// YAML is a superset of JSON
	const dir = mkdtempSync(`${tmpdir()}/dashboard-`);
	try {
		writeFileSync(`${dir}/rules.yaml`, JSON.stringify({ groups }));
		await must(["promtool", "check", "rules", `${dir}/rules.yaml`]);
	} finally {
		rmSync(dir, { recursive: true });
	}
});

/** The rules of Grafana's dashboard-linter, as far as they concern one dashboard. */
describe("the dashboard follows the linter's rules", () => {
	interface Variable {
		readonly name: string;
		readonly type: string;
		readonly label: string;
		readonly query: unknown;
		readonly refresh: number;
		readonly multi: boolean;
		readonly allValue: string;
		readonly datasource: { readonly uid: string };
	}
	interface Panel {
		readonly title: string;
		readonly description: string;
		readonly datasource: { readonly uid: string };
		readonly fieldConfig: { readonly defaults: { readonly unit: string } };
		readonly targets: readonly { readonly expr: string }[];
	}
	const dashboard = JSON.parse(
		readFileSync("deploy/grafana/dashboard.json", "utf8"),
	);
	const panels: readonly Panel[] = dashboard.panels;
	const variables: readonly Variable[] = dashboard.templating.list;

	test("nobody edits it in place: the file is the source", () =>
		expect(dashboard.editable).toBe(false));

	test("the data source is a variable", () =>
		expect(variables[0]).toMatchObject({
			name: "datasource",
			type: "datasource",
			query: "prometheus",
			label: "Data source",
		}));

	test.each(["job", "instance"])("%s is a variable of several values", (name) =>
		expect(variables.find((v) => v.name === name)).toMatchObject({
			type: "query",
			label: `${name[0]?.toUpperCase()}${name.slice(1)}`,
			datasource: { uid: `\${datasource}` },
			multi: true,
			allValue: ".+",
			// when the time range changes
			refresh: 2,
		}),
	);

	test.each(panels.map((p): [string, Panel] => [p.title, p]))(
		"%s has a title, a description, a unit and the variable data source",
		(title, { description, datasource, fieldConfig }) => {
			expect(title).not.toBe("");
			expect(description).toMatch(/\.$/);
			expect(fieldConfig.defaults.unit).not.toBe("");
			expect(datasource.uid).toBe(`\${datasource}`);
		},
	);

	test("every metric is of the job and the instance, and counters are rates", () => {
		const exprs = panels.flatMap((p) => p.targets.map((t) => t.expr));
		expect(exprs.length).toBeGreaterThan(15);
		for (const expr of exprs) {
			const all = expr.match(/\bconntrack_\w+(\{[^}]*\})?/g) ?? [];
			expect(all, expr).not.toEqual([]);
			for (const metric of all)
				expect(metric).toContain('{job=~"$job",instance=~"$instance"}');
			for (const [metric] of expr.matchAll(/\bconntrack_\w+_(total|bucket)\b/g))
				expect(expr).toMatch(
					new RegExp(`rate\\(${metric}\\{[^}]*\\}\\[\\$__rate_interval\\]`),
				);
		}
	});
});

describe("docs/metrics.md", () => {
	const PAGE = "docs/metrics.md";
	const [BEGIN, END] = ["<!-- metrics -->\n", "<!-- /metrics -->"];
	/** The table of all families: name, type, labels, and the text of the page of metrics. */
	const table = (): string => {
		const lines = everything().split("\n");
		const rows = lines.flatMap((line) => {
			const [, name, help] = /^# HELP (\w+) (.*)$/.exec(line) ?? [];
			if (name === undefined) return [];
			const type = lines
				.find((l) => l.startsWith(`# TYPE ${name} `))
				?.split(" ")
				.at(-1);
			const sample = lines.find((l) =>
				new RegExp(`^${name}(_bucket)?[{ ]`).test(l),
			);
			const labels = [...(sample ?? "").matchAll(/(\w+)="/g)]
				.map(([, label]) => `\`${label}\``)
				.filter((label) => label !== "`le`");
			return [`| \`${name}\` | ${type} | ${labels.join(", ")} | ${help} |`];
		});
		return `| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join("\n")}\n`;
	};

	test("has every metric in its table, in the words of the page of metrics", () => {
		const page = readFileSync(PAGE, "utf8");
		const [before = "", rest = ""] = page.split(BEGIN);
		const after = rest.split(END)[1] ?? "";
		const want = before + BEGIN + table() + END + after;
		if (process.env.UPDATE_DOCS) writeFileSync(PAGE, want);
		expect(readFileSync(PAGE, "utf8")).toBe(want);
	});

	test("says what the labels' values are", () => {
		const page = readFileSync(PAGE, "utf8");
		const labels = new Set(
			[...everything().matchAll(/(\w+)="/g)].map(([, name]) => name),
		);
		labels.delete("le");
		for (const label of labels)
			expect(page).toMatch(new RegExp(`^\\| \`${label}\` \\|`, "m"));
	});
});
