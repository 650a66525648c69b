// The plain text: every case with its contenders, then the budgets.

import { floorOf, type Verdict } from "./budgets.ts";
import type { Row } from "./measure.ts";
import { median, ratio } from "./stats.ts";
import { number, tableOf } from "./words.ts";

/** Aligns the first column to the left, the others to the right. */
export function align(lines: readonly (readonly string[])[]): string {
	const widths: number[] = [];
	for (const line of lines) {
		for (const [i, cell] of line.entries()) {
			if (i < line.length - 1 || line.length === lines[0]?.length) {
				widths[i] = Math.max(widths[i] ?? 0, cell.length);
			}
		}
	}
	const last = (lines[0]?.length ?? 1) - 1;
	return lines
		.map((line) =>
			line
				.map((cell, i) =>
					i === 0 || i === last
						? cell.padEnd(widths[i] ?? 0)
						: cell.padStart(widths[i] ?? 0),
				)
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

export const COLUMNS = [
	"runs",
	"wall ms",
	"CPU ms",
	"least",
	"RSS MB",
	"read MB",
	"stall ms",
	"ours/it",
	"budget, notes",
];

function line(
	rows: readonly Row[],
	row: Row,
	list: readonly Verdict[],
): string[] {
	const f = row.figures;
	const notes = [
		...list
			.filter((v) => v.measured !== undefined)
			.map((v) => `≤ ${v.limit}: ${v.ok ? "pass" : "OVER"}`),
		...row.notes,
	];
	if (row.kind === "floor" && floorOf(rows, row) !== row)
		notes.push("not the cheapest way");
	return [
		`  ${row.who}`,
		f ? String(f.runs) : "-",
		number(f?.wall.median),
		number(f?.cpu.median),
		number(f?.cpu.least),
		number(f && f.rss / 1024),
		number(row.traffic && row.traffic.receivedBytes / 1e6),
		number(median(row.stalls)),
		row.pairs.length === 0 ? "" : `${number(ratio(row.pairs))}×`,
		notes.join("; "),
	];
}

/** Cases in the order of measuring. */
export function cases(rows: readonly Row[]): Row[][] {
	const ids = [...new Set(rows.map((r) => `${r.op} ${r.size}`))];
	return ids.map((id) => rows.filter((r) => `${r.op} ${r.size}` === id));
}

export function heading(row: Row): string {
	return row.ports === 0 ? row.label : `${row.label} · ${tableOf(row.size)}`;
}

/** The cells of a case, a line for each contender. */
export function cells(
	rows: readonly Row[],
	group: readonly Row[],
	list: readonly Verdict[],
): string[][] {
	return group.map((row) =>
		line(
			rows,
			row,
			list.filter(
				(v) => v.op === row.op && v.size === row.size && v.who === row.who,
			),
		),
	);
}

export function table(rows: readonly Row[], list: readonly Verdict[]): string {
	const lines: string[][] = [["", ...COLUMNS]];
	for (const group of cases(rows)) {
		const [first] = group;
		if (!first) continue;
		lines.push([heading(first), ...COLUMNS.map(() => "")]);
		lines.push(...cells(rows, group, list));
	}
	return align(lines);
}

export function outcome(v: Verdict): string {
	return v.measured === undefined ? "NOT MEASURED" : v.ok ? "pass" : "OVER";
}

export function budgets(list: readonly Verdict[]): string {
	const lines = [["budgets of this project", "measured", "limit", ""]];
	for (const about of new Set(list.map((v) => v.about))) {
		lines.push([about, "", "", ""]);
		for (const v of list.filter((v) => v.about === about)) {
			lines.push([
				`  ${v.text}`,
				`${number(v.measured)} ${v.unit}`,
				`${v.limit} ${v.unit}`,
				outcome(v),
			]);
		}
	}
	return align(lines);
}
