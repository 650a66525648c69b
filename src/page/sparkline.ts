// A line or bars of a few numbers, as an SVG in the page. It has no axes: the text beside it
// says what they are.

import type { Bucket } from "./history.ts";
import { type Html, html } from "./html.ts";

const WIDTH = 240;
const HEIGHT = 40;
/** Room for the width of the line, on all sides. */
const EDGE = 2;

/** Returns the value of each bucket; undefined where there is none. */
type ValueOf = (bucket: Bucket) => number | undefined;

/** Returns a line through the values, from 0 to the highest. `says` is read to those who do not see it. */
export function sparkline(
	buckets: readonly Bucket[],
	value: ValueOf,
	says: string,
): Html {
	const points = pointsOf(buckets, value);
	const [first] = points;
	// one point alone would show nothing
	const line =
		points.length === 1 && first ? [[EDGE, first[1]] as const, first] : points;
	const d = line.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");
	return picture(says, d, "line");
}

/** Returns a bar for each bucket whose value is not 0. */
export function bars(
	buckets: readonly Bucket[],
	value: ValueOf,
	says: string,
): Html {
	const d = pointsOf(buckets, value)
		.filter(([, , n]) => n > 0)
		.map(([x, y]) => `M${x} ${HEIGHT}V${y}`)
		.join("");
	return picture(says, d, "bars");
}

function pointsOf(
	buckets: readonly Bucket[],
	value: ValueOf,
): (readonly [x: number, y: number, n: number])[] {
	const last = buckets.at(-1)?.nth ?? 0;
	const span = Math.max(1, last - (buckets[0]?.nth ?? last));
	const values = buckets.map(value);
	const most = Math.max(1, ...values.map((v) => v ?? 0));
	return buckets.flatMap((b, i) => {
		const n = values[i];
		if (n === undefined) return [];
		const x = WIDTH - EDGE - ((last - b.nth) / span) * (WIDTH - 2 * EDGE);
		const y = HEIGHT - EDGE - (n / most) * (HEIGHT - 2 * EDGE);
		return [[short(x), short(y), n] as const];
	});
}

function short(n: number): number {
	return Math.round(n * 10) / 10;
}

function picture(says: string, d: string, style: "line" | "bars"): Html {
	return html`<svg role="img" aria-label="${says}" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none"><path class="${style}" d="${d}"/></svg>`;
}
