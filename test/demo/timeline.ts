// A recording as text: one row per client, one column per tenth of a second, a
// letter for where the datagrams of that moment arrived. Pure.

import type { Paint } from "./paint.ts";
import type { Recording, Span } from "./recording.ts";

export const TICK_MS = 100;
const LABEL = 9;

/** Letters of the receivers; a dot stands for none. */
const LETTERS: Readonly<Record<string, string>> = {
	"pod-a": "A",
	"pod-b": "B",
	node: "N",
};

export interface Frame {
	/** Ticks that are over, at the time of drawing. */
	readonly ticks: number;
	/** Ticks of the whole scenario. */
	readonly width: number;
	/** Returns the words behind a client's row. */
	readonly note: (client: number) => string;
}

export function timeline(
	recording: Recording,
	frame: Frame,
	paint: Paint,
): string[] {
	const rows = recording.clients.map((client, n) => {
		const label = `client ${n + 1}`.padEnd(LABEL);
		const cells = Array.from({ length: frame.ticks }, (_, tick) => {
			const from = recording.start + tick * TICK_MS;
			return LETTERS[recording.reached(client, from, from + TICK_MS) ?? ""];
		});
		const rest = " ".repeat(frame.width - frame.ticks);
		return `  ${paint.dim(label)}${paintCells(cells, paint)}${rest}  ${frame.note(client)}`;
	});
	return [
		`  ${" ".repeat(LABEL)}${paint.dim(ruler(frame.width))}`,
		...rows,
		`  ${" ".repeat(LABEL)}${paint.bold(extents(recording, frame))}`,
		`  ${" ".repeat(LABEL)}${paint.bold(names(recording, frame))}`,
	];
}

/** Runs of equal cells are painted at once, so that the escapes stay few. */
function paintCells(
	cells: readonly (string | undefined)[],
	paint: Paint,
): string {
	let out = "";
	for (let i = 0; i < cells.length; ) {
		const cell = cells[i];
		let end = i;
		while (end < cells.length && cells[end] === cell) end++;
		const text = (cell ?? "·").repeat(end - i);
		out += cell === undefined ? paint.lost(text) : paint.receiver(cell, text);
		i = end;
	}
	return out;
}

/** `0s        1s        2s` */
function ruler(width: number): string {
	let out = "";
	while (out.length < width)
		out += `${(out.length * TICK_MS) / 1000}s`.padEnd(1000 / TICK_MS);
	return out.slice(0, width).trimEnd();
}

function column(recording: Recording, at: number): number {
	return Math.floor((at - recording.start) / TICK_MS);
}

/** `└─┘` under the ticks in which a verb ran. */
function extents(recording: Recording, frame: Frame): string {
	return place(recording, frame, (_, length) =>
		length === 1 ? "╵" : `└${"─".repeat(length - 2)}┘`,
	);
}

function names(recording: Recording, frame: Frame): string {
	return place(recording, frame, (span) => span.name);
}

function place(
	recording: Recording,
	frame: Frame,
	text: (span: Span, length: number) => string,
): string {
	const line: string[] = [];
	for (const span of recording.spans) {
		const from = column(recording, span.from);
		if (from >= frame.ticks) continue;
		const to = Math.min(
			span.to === undefined ? frame.ticks : column(recording, span.to),
			frame.ticks,
		);
		for (const [i, c] of [...text(span, to - from + 1)].entries())
			line[from + i] = c;
	}
	return Array.from(line, (c) => c ?? " ").join("");
}
