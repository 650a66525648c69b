// A table's columns, colours and batches, with rows of two texts.

import { describe, expect, test } from "vitest";
import {
	type Column,
	DIM,
	inBatches,
	isTerminal,
	tablePrinter,
	widthOf,
} from "../../../../src/cli/table.ts";
import { fakeHost } from "../../../support/fakehost.ts";

type Row = readonly [string, string];
const NAME: Column<Row> = { head: "NAME", cell: ([name]) => name };
const TEXT: Column<Row> = {
	head: "TEXT",
	cell: ([, text]) => text,
	isText: true,
};

/** Returns the printed rows, on a terminal of this width or on none. */
function printed(
	rows: readonly Row[],
	columns?: number,
	env: Readonly<Record<string, string>> = {},
	name: Column<Row> = NAME,
): string {
	const host = fakeHost({ env, ...(columns !== undefined && { columns }) });
	const printer = tablePrinter(host, [name, TEXT]);
	for (const row of rows) printer.row(row);
	printer.end();
	return host.written(1);
}

const LONG = "some words that are long";
test.each<[string, Row[], number | undefined, string]>([
	["no rows: not even a heading", [], undefined, ""],
	[
		"the widest cell makes the column",
		[
			["a", "b"],
			["abcdef", ""],
		],
		undefined,
		"NAME    TEXT\na       b\nabcdef\n",
	],
	[
		"text that does not fit stands below its row, that of all rows",
		[
			["a", LONG],
			["b", "short"],
		],
		20,
		`NAME\na\n    some words that\n    are long\nb\n    short\n`,
	],
	[
		"text that just fits stands in its row",
		[["a", LONG]],
		30,
		`NAME  TEXT\na     ${LONG}\n`,
	],
	[
		"a terminal that does not know its width is wide",
		[["a", LONG]],
		0,
		`NAME  TEXT\na     ${LONG}\n`,
	],
])("%s", (_, rows, columns, want) => expect(printed(rows, columns)).toBe(want));

test("a later row that does not fit is the only one with its text below", () => {
	const rows = Array.from({ length: 100 }, (): Row => ["a", "b"]);
	const out = printed([...rows, ["a", LONG], ["a", "b"]], 20);
	expect(
		out.endsWith("a     b\na\n    some words that\n    are long\na     b\n"),
	).toBe(true);
});

test("a later cell that is wider than its column moves only its own row", () => {
	const rows = Array.from({ length: 100 }, (): Row => ["a", "b"]);
	const out = printed([...rows, ["abcdef", "b"], ["a", "b"]]);
	expect(out.endsWith("a     b\nabcdef  b\na     b\n")).toBe(true);
});

test.each<[string, number | undefined, Record<string, string>, boolean]>([
	["on a terminal", 80, {}, true],
	["not on a terminal if NO_COLOR is set", 80, { NO_COLOR: "1" }, false],
	["on a terminal if NO_COLOR is empty", 80, { NO_COLOR: "" }, true],
	["not anywhere else", undefined, {}, false],
])("a cell is painted %s", (_, columns, env, want) =>
	expect(
		printed([["a", "b"]], columns, env, { ...NAME, paint: () => DIM }),
	).toBe(`NAME  TEXT\n${want ? "\x1b[2ma\x1b[0m" : "a"}     b\n`),
);

test.each([
	[undefined, false, Number.POSITIVE_INFINITY],
	[0, true, Number.POSITIVE_INFINITY],
	[120, true, 120],
])("standard output of %s columns", (columns, is, width) => {
	const host = fakeHost(columns === undefined ? {} : { columns });
	expect([isTerminal(host), widthOf(host)]).toEqual([is, width]);
});

describe("batches", () => {
	test.each([
		[0, []],
		[1, [1]],
		[100, [100]],
		[250, [100, 100, 50]],
	])("%i rows are printed as %j", (rows, want) => {
		const sizes: number[] = [];
		const printer = inBatches<number>(
			100,
			(batch) => void sizes.push(batch.length),
		);
		for (let n = 0; n < rows; n++) printer.row(n);
		printer.end();
		expect(sizes).toEqual(want);
	});
});
