// Lines and bars: their points, and the words for those who do not see them.

import { expect, test } from "vitest";
import type { Bucket } from "../../../../src/page/history.ts";
import { bars, sparkline } from "../../../../src/page/sparkline.ts";

/** Buckets that were `entries` long; undefined leaves the bucket out. */
const buckets = (...entries: (number | undefined)[]): Bucket[] =>
	entries.flatMap((n, nth) =>
		n === undefined
			? []
			: [{ nth, at: 0, entries: n, counted: {}, removed: new Map() }],
	);
const pathOf = (html: string): string | undefined =>
	/ d="(.*?)"/.exec(html)?.[1];
const entries = (b: Bucket): number | undefined => b.entries;

test.each<[string, (number | undefined)[], string]>([
	[
		"from the left to the right, from 0 to the highest",
		[0, 4, 2],
		"M2 38L120 2L238 20",
	],
	["a time without a look is bridged", [0, undefined, 2], "M2 38L238 2"],
	["all 0 is the line at the bottom", [0, 0], "M2 38L238 38"],
	["one value is a line too", [5], "M2 2L238 2"],
	["no value is no line", [], ""],
])("a line: %s", (_, values, want) =>
	expect(pathOf(sparkline(buckets(...values), entries, "x").html)).toBe(want),
);

test("bars stand where a value is not 0, however small", () =>
	expect(pathOf(bars(buckets(0, 1000, 1, 0), entries, "x").html)).toBe(
		"M80.7 40V2M159.3 40V38",
	));

test("it is an image with words", () =>
	expect(sparkline(buckets(1), entries, 'drop: "2"').html).toContain(
		'<svg role="img" aria-label="drop: &quot;2&quot;" ',
	));
