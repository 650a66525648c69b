// docs/bench/README.md: the budgets, the pictures and the figures of the
// published run, as a page. Without a date: what counts are the versions.

import type { Verdict } from "./budgets.ts";
import { MAIN_SIZE } from "./contenders.ts";
import type { Row } from "./measure.ts";
import { COLUMNS, cases, cells, outcome } from "./report.ts";
import type { Results } from "./results.ts";
import { ratio } from "./stats.ts";
import { grouped, number, tableOf } from "./words.ts";

function tableLines(lines: readonly (readonly string[])[]): string {
	const [head = [], ...body] = lines;
	const cell = (text: string): string => text.trim().replaceAll("|", "\\|");
	const row = (line: readonly string[]): string =>
		`| ${line.map(cell).join(" | ")} |`;
	const rule = head.map((_, i) => (i === 0 ? ":--" : "--:"));
	return [row(head), `| ${rule.join(" | ")} |`, ...body.map(row)].join("\n");
}

function budgets(list: readonly Verdict[]): string {
	const over = list.filter((v) => !v.ok).length;
	const sum =
		over === 0
			? `All ${list.length} are kept.`
			: `${list.length - over} of ${list.length} are kept.`;
	const parts = [...new Set(list.map((v) => v.about))].map((about) => {
		const lines = list
			.filter((v) => v.about === about)
			.map((v) => [
				v.text,
				`${number(v.measured)} ${v.unit}`,
				`${v.limit} ${v.unit}`,
				v.ok ? "pass" : `**${outcome(v)}**`,
			]);
		return tableLines([[about, "measured", "limit", ""], ...lines]);
	});
	return [sum, ...parts].join("\n\n");
}

/** A line for each contender of these operations, a column for each `x` of a row. */
function matrix(
	rows: readonly Row[],
	line: (row: Row) => string,
	x: (row: Row) => number,
	heading: (x: number) => string,
	value: (row: Row) => string,
): string {
	const columns = [...new Set(rows.map(x))].toSorted((a, b) => a - b);
	const lines = [...new Set(rows.map(line))].map((name) => [
		name,
		...columns.map((at) => {
			const row = rows.find((r) => line(r) === name && x(r) === at);
			return row ? value(row) : "";
		}),
	]);
	return tableLines([["", ...columns.map(heading)], ...lines]);
}

function bySize(rows: readonly Row[], value: (row: Row) => string): string {
	const some = ["add-1", "del-1", "retire-1", "add-53"].flatMap((op) =>
		rows.filter((r) => r.op === op),
	);
	return matrix(
		some,
		(r) => `${r.label}: ${r.who}`,
		(r) => r.size,
		tableOf,
		value,
	);
}

function byPorts(rows: readonly Row[], value: (row: Row) => string): string {
	const some = rows.filter(
		(r) =>
			r.size === MAIN_SIZE &&
			/^(add|del)-(1|4|16|100)$/.test(r.op) &&
			r.who !== "ours, 1 port",
	);
	return matrix(
		some,
		(r) => `${r.op.startsWith("add") ? "ADD" : "DEL"}: ${r.who}`,
		(r) => r.ports,
		(n) => (n === 1 ? "1 port" : `${n} ports`),
		value,
	);
}

function everything(rows: readonly Row[], list: readonly Verdict[]): string {
	const ops = [...new Set(rows.map((r) => r.op))];
	return ops
		.map((op) => {
			const own = rows.filter((r) => r.op === op);
			const lines = cases(own).flatMap((group) =>
				cells(rows, group, list).map((line, i) => [
					i === 0 ? grouped(group[0]?.size ?? 0) : "",
					...line,
				]),
			);
			const head = ["entries", "", ...COLUMNS];
			return `### ${own[0]?.label}\n\n${tableLines([head, ...lines])}`;
		})
		.join("\n\n");
}

function setting({
	machine,
	after,
	awake,
	versions,
	missing,
}: Results): string {
	const compared = Object.entries(versions).map(([name, version]) =>
		name === "ours"
			? `\`ours\` is ${version}`
			: `\`${name}\` is of version ${version}`,
	);
	const sleep = awake
		? "The processors were kept from sleeping between runs."
		: "The processors could sleep between runs.";
	return [
		`${machine.cpus} CPUs (${machine.cpu}), ${machine.memoryGB} GB, Linux ${machine.kernel}, ${grouped(machine.buckets)} buckets; load ${machine.load} before, ${after} after. ${sleep}`,
		`${compared.join("; ")}.`,
		...missing,
	].join("\n\n");
}

export function page(results: Results, pictures: readonly string[]): string {
	const { rows, budgets: list } = results;
	const theirs = rows.filter((r) => r.who !== "ours");
	const cpu = (r: Row): string => number(r.figures?.cpu.median);
	const times = (r: Row): string =>
		r.pairs.length === 0 ? "" : `${number(ratio(r.pairs))}×`;
	const parts = [
		"# What it costs",
		"Written by `make bench`, with [results.json](results.json), from which every figure here can be computed again. [How to read it](../../test/bench/README.md).",
		setting(results),
		"## Budgets",
		"A ratio is the median over pairs of neighbouring runs: CPU time of the whole call, at start-up the time from exec to exit.",
		budgets(list),
		"## Pictures",
		...pictures.map((name) => `![${name.replace(".svg", "")}](${name})`),
		"## CPU time of a call by table size, ms, median",
		bySize(rows, cpu),
		"Ours divided by theirs:",
		bySize(theirs, times),
		`## CPU time of a call by number of ports, ${tableOf(MAIN_SIZE)}, ms, median`,
		byPorts(rows, cpu),
		"Ours divided by theirs:",
		byPorts(theirs, times),
		"## Everything",
		everything(rows, list),
	];
	return `${parts.join("\n\n")}\n`;
}
