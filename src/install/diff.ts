// A change as `diff -u` shows it. Most
// changes only insert some lines, so the plain algorithm is fast enough. It reads no files.

import type { Change } from "./plan.ts";

const CONTEXT = 3;

interface Line {
	readonly sign: " " | "-" | "+";
	readonly text: string;
}

/** Returns the change in unified format, or an empty text if nothing changes. */
export function unified({ path, before, after }: Change): string {
	if (before === after) return "";
	const [from, to] = [before, after].map((t) =>
		t === undefined ? "/dev/null" : path,
	);
	return `--- ${from}\n+++ ${to}\n${hunksOf(before ?? "", after ?? "").join("")}`;
}

/**
 * Returns the hunks. Only the lines between the first that differs and the last are
 * compared, with their context: a file may have many thousands, and a change a dozen.
 */
function hunksOf(before: string, after: string): string[] {
	const least = Math.min(before.length, after.length);
	const head = longest(least, (n) => before.startsWith(after.slice(0, n)));
	const tail = longest(least - head, (n) =>
		before.endsWith(after.slice(after.length - n)),
	);
	const start = lineBefore(before, head);
	const end = lineAfter(before, before.length - tail);
	const lines = compare(
		linesOf(before.slice(start, end)),
		linesOf(after.slice(start, end + after.length - before.length)),
	);
	return hunksIn(lines, 1 + countLines(before, start));
}

/** Returns the largest number up to `most` for which it holds. It holds for all smaller ones. */
function longest(most: number, holds: (n: number) => boolean): number {
	let low = 0;
	let high = most;
	while (low < high) {
		const middle = Math.ceil((low + high) / 2);
		if (holds(middle)) low = middle;
		else high = middle - 1;
	}
	return low;
}

/** Returns where the context before an offset begins. */
function lineBefore(text: string, at: number): number {
	let start = lineStart(text, at);
	for (let n = 0; n < CONTEXT && start > 0; n++)
		start = lineStart(text, start - 1);
	return start;
}

function lineStart(text: string, at: number): number {
	return at === 0 ? 0 : text.lastIndexOf("\n", at - 1) + 1;
}

/** Returns where the context after an offset ends. */
function lineAfter(text: string, at: number): number {
	let end = at;
	for (let n = 0; n <= CONTEXT && end < text.length; n++) {
		const feed = text.indexOf("\n", end);
		end = feed < 0 ? text.length : feed + 1;
	}
	return end;
}

function countLines(text: string, end: number): number {
	let lines = 0;
	for (let at = text.indexOf("\n"); at >= 0 && at < end; lines++)
		at = text.indexOf("\n", at + 1);
	return lines;
}

/** Returns the lines, each with its line feed: a last line without a line feed differs from one with it. */
function linesOf(text: string): string[] {
	const lines = text.split("\n");
	const last = lines.pop() ?? "";
	const whole = lines.map((line) => `${line}\n`);
	return last === "" ? whole : [...whole, last];
}

/** Compares by the longest common subsequence, which a table of lengths gives. */
function compare(a: readonly string[], b: readonly string[]): Line[] {
	const width = b.length + 1;
	const common = new Uint32Array((a.length + 1) * width);
	const at = (i: number, j: number): number => common[i * width + j] ?? 0;
	for (let i = a.length - 1; i >= 0; i--)
		for (let j = b.length - 1; j >= 0; j--)
			common[i * width + j] =
				a[i] === b[j]
					? at(i + 1, j + 1) + 1
					: Math.max(at(i + 1, j), at(i, j + 1));
	const lines: Line[] = [];
	let i = 0;
	let j = 0;
	while (i < a.length || j < b.length) {
		if (i < a.length && a[i] === b[j]) {
			lines.push({ sign: " ", text: a[i++] ?? "" });
			j++;
		} else if (j === b.length || (i < a.length && at(i + 1, j) >= at(i, j + 1)))
			lines.push({ sign: "-", text: a[i++] ?? "" });
		else lines.push({ sign: "+", text: b[j++] ?? "" });
	}
	return lines;
}

function hunksIn(lines: readonly Line[], first: number): string[] {
	const isNear = lines.map((_, i) =>
		lines
			.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1)
			.some(({ sign }) => sign !== " "),
	);
	const hunks: string[] = [];
	const next = { before: first, after: first };
	for (let i = 0; i < lines.length; ) {
		let end = i;
		while (isNear[end]) end++;
		const hunk = lines.slice(i, Math.max(end, i + 1));
		const before = hunk.filter(({ sign }) => sign !== "+").length;
		const after = hunk.filter(({ sign }) => sign !== "-").length;
		if (end > i)
			hunks.push(
				`@@ -${range(next.before, before)} +${range(next.after, after)} @@\n${hunk.map(show).join("")}`,
			);
		next.before += before;
		next.after += after;
		i += hunk.length;
	}
	return hunks;
}

/** Returns a hunk's range. If it has no lines, the format names the line before. */
function range(first: number, count: number): string {
	return `${count === 0 ? first - 1 : first},${count}`;
}

function show({ sign, text }: Line): string {
	return text.endsWith("\n")
		? sign + text
		: `${sign}${text}\n\\ No newline at end of file\n`;
}
