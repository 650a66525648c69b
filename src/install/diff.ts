// A change as `diff -u` shows it. The files have some dozens of lines, and most
// changes only insert, so the plain algorithm is fast enough. It reads no files.

import type { Change } from "./plan.ts";

const CONTEXT = 3;

interface Line {
	readonly sign: " " | "-" | "+";
	readonly text: string;
}

/** Returns the change in unified format, or an empty text if nothing changes. */
export function unified({ path, before, after }: Change): string {
	const lines = compare(linesOf(before), linesOf(after));
	const hunks = hunksOf(lines);
	if (hunks.length === 0) return "";
	const [from, to] = [before, after].map((t) =>
		t === undefined ? "/dev/null" : path,
	);
	return `--- ${from}\n+++ ${to}\n${hunks.join("")}`;
}

/** Returns the lines, each with its line feed: a last line without a line feed differs from one with it. */
function linesOf(text = ""): string[] {
	return text.match(/[^\n]*\n|[^\n]+$/g) ?? [];
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

function hunksOf(lines: readonly Line[]): string[] {
	const isNear = lines.map((_, i) =>
		lines
			.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1)
			.some(({ sign }) => sign !== " "),
	);
	const hunks: string[] = [];
	const next = { before: 1, after: 1 };
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
