// Two kinds of pictures, as text: lines on logarithmic axes, and bars. Colours
// follow the reader's light or dark mode; without a style sheet they still show.

export type Tone =
	| "ours"
	| "second"
	| "third"
	| "floor"
	| "peer"
	| "old"
	| "other";

export interface Series {
	readonly label: string;
	/** Below the label, smaller: why the line ends where it does. */
	readonly note?: string;
	readonly tone: Tone;
	readonly points: readonly (readonly [number, number])[];
}

export interface LineChart {
	readonly title: string;
	readonly subtitle: string;
	readonly xLabel: string;
	readonly xTicks: readonly number[];
	readonly unit: string;
	readonly series: readonly Series[];
}

export interface Bar {
	readonly label: string;
	readonly tone: Tone;
	readonly value: number;
}

export interface BarChart {
	readonly title: string;
	readonly subtitle: string;
	readonly unit: string;
	readonly bars: readonly Bar[];
}

const TONES: Readonly<Record<Tone, readonly [light: string, dark: string]>> = {
	ours: ["#0969da", "#58a6ff"],
	second: ["#8250df", "#bc8cff"],
	third: ["#1b7c83", "#39c5cf"],
	floor: ["#6e7781", "#8b949e"],
	peer: ["#bc4c00", "#f0883e"],
	old: ["#bf3989", "#f778ba"],
	other: ["#1a7f37", "#3fb950"],
};

/** The dashes and marks are for those who cannot tell the colours apart. */
const DASHES: Readonly<Partial<Record<Tone, string>>> = {
	floor: "3 4",
	old: "10 5",
	other: "12 3 3 3",
};
const OURS: readonly Tone[] = ["ours", "second", "third"];

const WIDTH = 860;
const LINE = 15;

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

function style(): string {
	const rules = (i: 0 | 1): string =>
		Object.entries(TONES)
			.map(([t, pair]) => `.s-${t}{stroke:${pair[i]}}.f-${t}{fill:${pair[i]}}`)
			.join("");
	return `<style>
text{font:12px -apple-system,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:15px;font-weight:600}.strong{font-weight:600}.sub{fill:#59636e}.small{font-size:11px;fill:#59636e}
.grid{stroke:#d1d9e0;stroke-width:1}.minor{stroke:#d1d9e0;stroke-width:.5;stroke-dasharray:2 3}
.line{fill:none;stroke-width:2}.thick{stroke-width:3}.lead{fill:none;stroke-width:1;opacity:.6}
${rules(0)}
@media (prefers-color-scheme:dark){text{fill:#f0f6fc}.sub,.small{fill:#9198a1}.grid,.minor{stroke:#3d444d}${rules(1)}}
</style>`;
}

function text(
	x: number,
	y: number,
	classes: string,
	content: string,
	anchor = "start",
): string {
	return `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" class="${classes}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function page(
	height: number,
	title: string,
	subtitle: string,
	body: readonly string[],
): string {
	const head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">`;
	const top = [text(16, 26, "title", title), text(16, 46, "sub", subtitle)];
	return `${[head, style(), ...top, ...body, "</svg>"].join("\n")}\n`;
}

export function short(value: number): string {
	const three = (v: number): string => String(Number(v.toPrecision(3)));
	if (value >= 1e6) return `${three(value / 1e6)} M`;
	if (value >= 1e3) return `${Math.floor(value / 1e3)} k`;
	return three(value);
}

function quantity(value: number, unit: string): string {
	const three = Number(value.toPrecision(2));
	if (unit === "ms" && value >= 1e3) return `${three / 1e3} s`;
	if (unit === "MB" && value >= 1e3) return `${three / 1e3} GB`;
	return `${three} ${unit}`;
}

/** Moves labels apart that would lie on each other: from the top down, each as near as it can be. */
function spread(
	wanted: readonly number[],
	heights: readonly number[],
	bottom: number,
): number[] {
	const order = wanted
		.map((y, i) => ({ y, i, high: heights[i] ?? LINE }))
		.toSorted((a, b) => a.y - b.y);
	for (let round = 0; round < 200; round++) {
		for (let k = 1; k < order.length; k++) {
			const [a, b] = [order[k - 1], order[k]];
			if (!a || !b || b.y - a.y >= a.high) continue;
			const push = (a.high - (b.y - a.y)) / 2;
			a.y -= push;
			b.y += push;
		}
		const last = order.at(-1);
		if (last) last.y = Math.min(last.y, bottom - last.high + LINE);
	}
	const result: number[] = [];
	for (const { y, i } of order) result[i] = y;
	return result;
}

/** A mark for each tone, so that lines that lie on each other can be told apart. */
function mark(tone: Tone, x: number, y: number): string {
	const at = (dx: number, dy: number): string =>
		`${(x + dx).toFixed(1)} ${(y + dy).toFixed(1)}`;
	const shape = (points: readonly string[]): string =>
		`<path class="f-${tone}" d="M${points.join("L")}Z"/>`;
	if (tone === "peer")
		return shape([at(-4, -4), at(4, -4), at(4, 4), at(-4, 4)]);
	if (tone === "old") return shape([at(0, -5), at(5, 4), at(-5, 4)]);
	if (tone === "other")
		return shape([at(0, -5), at(5, 0), at(0, 5), at(-5, 0)]);
	const radius = OURS.includes(tone) ? 4 : 3;
	return `<circle class="f-${tone}" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="${radius}"/>`;
}

export function lineChart(chart: LineChart): string {
	const height = 460;
	const [left, right, top, bottom] = [70, 258, 70, 54];
	const edge = WIDTH - right;
	const values = chart.series.flatMap((s) => s.points.map((p) => p[1]));
	// From the tick below the least to the tick above the most.
	const ticks = [-1, 0, 1, 2, 3, 4, 5, 6].flatMap((decade) =>
		[1, 2, 5].map((digit) => digit * 10 ** decade),
	);
	const [least, most] = [Math.min(...values), Math.max(...values)];
	const low = ticks.findLast((t) => t <= least) ?? least;
	const high = ticks.find((t) => t >= most) ?? most;
	const [x0, x1] = [Math.min(...chart.xTicks), Math.max(...chart.xTicks)];
	const share = (v: number, from: number, to: number): number =>
		Math.log(v / from) / Math.log(to / from);
	const px = (x: number): number => left + share(x, x0, x1) * (edge - left);
	const py = (y: number): number =>
		height - bottom - share(y, low, high) * (height - top - bottom);

	const body: string[] = [];
	for (const tick of ticks.filter((t) => low <= t && t <= high)) {
		const y = py(tick);
		const whole = Number.isInteger(Number(Math.log10(tick).toFixed(6)));
		body.push(
			`<path class="${whole ? "grid" : "minor"}" d="M${left} ${y.toFixed(1)}H${edge}"/>`,
		);
		body.push(
			text(
				left - 8,
				y + 4,
				whole ? "sub" : "small",
				quantity(tick, chart.unit),
				"end",
			),
		);
	}
	for (const x of chart.xTicks) {
		body.push(
			`<path class="minor" d="M${px(x).toFixed(1)} ${top}V${height - bottom}"/>`,
		);
		body.push(text(px(x), height - bottom + 20, "sub", short(x), "middle"));
	}
	body.push(
		text((left + edge) / 2, height - 12, "sub", chart.xLabel, "middle"),
	);

	// Ours last, on top.
	const series = chart.series
		.filter((s) => s.points.length > 0)
		.toSorted(
			(a, b) => Number(OURS.includes(a.tone)) - Number(OURS.includes(b.tone)),
		);
	const ends = series.map((s) => {
		const [x, y] = s.points.at(-1) ?? [x1, low];
		return [px(x), py(y)] as const;
	});
	const labels = spread(
		ends.map(([, y]) => y),
		series.map((s) => (s.note === undefined ? LINE : 2 * LINE)),
		height - bottom,
	);
	for (const [i, s] of series.entries()) {
		const own = OURS.includes(s.tone);
		const path = s.points.map(
			([x, y], k) =>
				`${k === 0 ? "M" : "L"}${px(x).toFixed(1)} ${py(y).toFixed(1)}`,
		);
		const dash = DASHES[s.tone];
		const dashed = dash === undefined ? "" : ` stroke-dasharray="${dash}"`;
		body.push(
			`<path class="line s-${s.tone}${own ? " thick" : ""}"${dashed} d="${path.join("")}"/>`,
		);
		for (const [x, y] of s.points) body.push(mark(s.tone, px(x), py(y)));
		const [endX, endY] = ends[i] ?? [edge, 0];
		const y = labels[i] ?? 0;
		body.push(
			`<path class="lead s-${s.tone}" d="M${(endX + 6).toFixed(1)} ${endY.toFixed(1)}L${Math.max(edge + 6, endX + 6).toFixed(1)} ${endY.toFixed(1)}L${edge + 20} ${y.toFixed(1)}H${edge + 26}"/>`,
		);
		body.push(
			text(edge + 30, y + 4, `f-${s.tone}${own ? " strong" : ""}`, s.label),
		);
		if (s.note !== undefined)
			body.push(text(edge + 30, y + 4 + LINE - 2, "small", s.note));
	}
	return page(height, chart.title, chart.subtitle, body);
}

export function barChart(chart: BarChart): string {
	const [left, right, top, step] = [236, 90, 68, 30];
	const height = top + chart.bars.length * step + 10;
	const most = Math.max(...chart.bars.map((b) => b.value));
	const body: string[] = [];
	for (const [i, bar] of chart.bars.entries()) {
		const y = top + i * step;
		const width = (bar.value / most) * (WIDTH - left - right);
		const strong = OURS.includes(bar.tone) ? " strong" : "";
		body.push(text(left - 10, y + 15, strong, bar.label, "end"));
		body.push(
			`<rect class="f-${bar.tone}" x="${left}" y="${y}" width="${width.toFixed(1)}" height="20" rx="3"/>`,
		);
		body.push(
			text(
				left + width + 8,
				y + 15,
				`sub${strong}`,
				`${Number(bar.value.toPrecision(2))} ${chart.unit}`,
			),
		);
	}
	return page(height, chart.title, chart.subtitle, body);
}
