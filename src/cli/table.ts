// A table of aligned columns, printed while its rows come. The first rows decide the
// widths, so that a million rows need no more memory than a few.

import type { Host } from "../host.ts";
import { wrap } from "./help.ts";

/** ANSI colours, as SGR numbers. */
export const RED = 31;
export const GREEN = 32;
export const DIM = 2;

export interface Column<T> {
	readonly head: string;
	cell(row: T): string;
	/** Returns the colour of the cell; it is used only on a terminal. */
	paint?(row: T): number;
	/** Only for the last column: a cell that does not fit the terminal stands below its row. */
	readonly isText?: boolean;
}

/** Takes rows one by one, and prints the rest of them at `end`. */
export interface Printer<T> {
	row(row: T): void;
	end(): void;
}

/** The number of rows that decide the widths, and that are written at a time. */
const BATCH = 100;

/** The space before text that stands below its row. */
const INDENT = "    ";

/** Returns true if standard output is a terminal. */
export function isTerminal(host: Host): boolean {
	return host.full().columns(1) !== undefined;
}

/** Returns the width of the terminal; Infinity if standard output is none, or if the terminal does not know its width. */
export function widthOf(host: Host): number {
	return host.full().columns(1) || Number.POSITIVE_INFINITY;
}

export function tablePrinter<T>(
	host: Host,
	columns: readonly Column<T>[],
): Printer<T> {
	// the convention of no-color.org
	const colour = isTerminal(host) && !host.env("NO_COLOR");
	const width = widthOf(host);
	const last = columns.length - 1;
	let widths: readonly number[] | undefined;
	/** True if one of the first rows did not fit: then the text of all stands below, so that they look alike. */
	let below = false;
	return inBatches((rows) => {
		const lines = rows.map((row) => columns.map((c) => c.cell(row)));
		const head = columns.map((c) => c.head);
		const first = widths === undefined;
		widths ??= head.map((h, i) =>
			Math.max(h.length, ...lines.map((cells) => cells[i]?.length ?? 0)),
		);
		const before = widths.slice(0, last).reduce((sum, w) => sum + w + 2, 0);
		const fits = (cells: readonly string[]): boolean =>
			!columns[last]?.isText || before + (cells[last]?.length ?? 0) <= width;
		if (first) below = !lines.every(fits);
		const text = lines.map((cells, n) => {
			const paint = (cell: string, i: number): string => {
				const row = rows[n];
				const by = colour && row !== undefined && columns[i]?.paint;
				return by ? `\x1b[${by(row)}m${cell}\x1b[0m` : cell;
			};
			if (!below && fits(cells)) return line(cells, widths ?? [], paint);
			return `${line(cells.slice(0, last), widths ?? [], paint)}${wrap(cells[last] ?? "", INDENT, width)}\n`;
		});
		if (first)
			text.unshift(line(below ? head.slice(0, last) : head, widths, (h) => h));
		host.write(1, text.join(""));
	});
}

/** Returns a row's cells next to each other, all but the last padded. */
function line(
	cells: readonly string[],
	widths: readonly number[],
	paint: (cell: string, i: number) => string,
): string {
	const last = cells.length - 1;
	const padded = cells.map((cell, i) => {
		const gap =
			i === last
				? ""
				: " ".repeat(Math.max(0, (widths[i] ?? 0) - cell.length) + 2);
		return paint(cell, i) + gap;
	});
	return `${padded.join("").trimEnd()}\n`;
}

/** Returns a printer that collects rows and calls `print` with one or more of them at a time. */
export function inBatches<T>(print: (rows: readonly T[]) => void): Printer<T> {
	let rows: T[] = [];
	const end = (): void => {
		const batch = rows;
		rows = [];
		if (batch.length > 0) print(batch);
	};
	return {
		row(row) {
			rows.push(row);
			if (rows.length >= BATCH) end();
		},
		end,
	};
}
