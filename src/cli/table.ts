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
	/** Is called after the rows of a datagram, and waited for. */
	rest?(): Promise<void>;
	end(): void;
}

/** The number of rows that decide the widths. */
const DECIDING = 100;
/** At least so many characters are written at a time. In the pieces, joined and copied, they are there three times. */
const WRITTEN = 16_384;

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

/** A printer that also takes lines which its caller has made. */
export interface TablePrinter<T> extends Printer<T> {
	/** The widths of the columns, between which are two spaces. Undefined until they are decided, and if the lines are for a terminal. */
	readonly widths: readonly number[] | undefined;
	/** Prints lines as they are; each ends with a newline. */
	lines(text: string): void;
}

export function tablePrinter<T>(
	host: Host,
	columns: readonly Column<T>[],
): TablePrinter<T> {
	// the convention of no-color.org
	const colour = isTerminal(host) && !host.env("NO_COLOR");
	const width = widthOf(host);
	const last = columns.length - 1;
	const head = columns.map((c) => c.head);
	let widths: readonly number[] = [];
	/** True if one of the first rows did not fit: then the text of all stands below, so that they look alike. */
	let below = false;
	let before = 0;
	const fits = (cells: readonly string[]): boolean =>
		!columns[last]?.isText || before + (cells[last]?.length ?? 0) <= width;
	const cellsOf = (row: T): string[] => columns.map((c) => c.cell(row));
	const lineOf = (row: T, cells: readonly string[]): string => {
		const paint = (cell: string, i: number): string => {
			const by = colour && columns[i]?.paint;
			return by ? `\x1b[${by(row)}m${cell}\x1b[0m` : cell;
		};
		if (!below && fits(cells)) return line(cells, widths, paint);
		return `${line(cells.slice(0, last), widths, paint)}${wrap(cells[last] ?? "", INDENT, width)}\n`;
	};
	const lines = inBatches<string>(
		WRITTEN,
		(texts) => host.write(1, texts.join("")),
		(text) => text.length,
	);
	let isDecided = false;
	const first = inBatches<T>(DECIDING, (rows) => {
		const all = rows.map(cellsOf);
		widths = head.map((h, i) =>
			Math.max(h.length, ...all.map((cells) => cells[i]?.length ?? 0)),
		);
		before = widths.slice(0, last).reduce((sum, w) => sum + w + 2, 0);
		below = !all.every(fits);
		isDecided = true;
		lines.row(line(below ? head.slice(0, last) : head, widths, (h) => h));
		for (const [i, row] of rows.entries()) lines.row(lineOf(row, all[i] ?? []));
		// they fill a screen
		lines.end();
	});
	return {
		row(row) {
			if (isDecided) lines.row(lineOf(row, cellsOf(row)));
			else first.row(row);
		},
		end() {
			first.end();
			lines.end();
		},
		get widths() {
			const isPlain = width === Number.POSITIVE_INFINITY && !colour;
			return isDecided && isPlain ? widths : undefined;
		},
		lines: lines.row,
	};
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

/** Returns a printer that collects rows and calls `print` when their sizes come to `most`. Without `sizeOf` that is the number of rows. */
export function inBatches<T>(
	most: number,
	print: (rows: readonly T[]) => void,
	sizeOf: (row: T) => number = () => 1,
): Printer<T> {
	let rows: T[] = [];
	let size = 0;
	const end = (): void => {
		const batch = rows;
		rows = [];
		size = 0;
		if (batch.length > 0) print(batch);
	};
	return {
		row(row) {
			rows.push(row);
			size += sizeOf(row);
			if (size >= most) end();
		},
		end,
	};
}
