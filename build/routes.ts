// Finds ways for arrows between boxes: along a grid, around every box, with few bends,
// and apart from each other. It knows nothing of what the boxes mean.

export interface Box {
	readonly x: number;
	readonly y: number;
	readonly width: number;
	readonly height: number;
}

interface Ends {
	readonly from: string;
	readonly to: string;
}

/** Every coordinate is a multiple of this. */
const GRID = 10;
/** Right, down, left; arrows never climb. */
const STEPS = [
	[1, 0],
	[0, 1],
	[-1, 0],
] as const;
const DOWN = 1;
const TURN = 8;
const CROSSING = 6;
/** On the same line as another arrow, and directly beside one. */
const OVERLAP = 200;
const BESIDE = 3;
/** Along a wall. */
const TIGHT = 2;
const RADIUS = 5;

type Point = readonly [x: number, y: number];

/** Returns the `d` of a path for each arrow. Throws if there is no way. */
export function routes(
	width: number,
	height: number,
	boxes: ReadonlyMap<string, Box>,
	arrows: readonly Ends[],
): string[] {
	/** By point: true if an arrow passes across, false if one passes down. */
	const used = new Map<string, Set<boolean>>();
	const nearFirst = arrows
		.map((arrow, i) => ({ i, ...ends(boxes, arrow) }))
		.sort(
			(a, b) => distance(a.from, a.to) - distance(b.from, b.to) || a.i - b.i,
		);
	const found: string[] = [];
	for (const { i, from, to } of nearFirst) {
		const way = wayBetween(width, height, [...boxes.values()], used, from, to);
		if (!way) {
			const { from, to } = arrows[i] ?? {};
			throw new Error(`no way from ${from} to ${to}: leave more space`);
		}
		for (const [k, p] of way.entries()) {
			const key = p.join();
			const axes = used.get(key) ?? new Set();
			for (const other of [way[k - 1], way[k + 1]])
				if (other) axes.add(other[0] !== p[0]);
			used.set(key, axes);
		}
		found[i] = drawn(way);
	}
	return found;
}

function ends(
	boxes: ReadonlyMap<string, Box>,
	{ from, to }: Ends,
): { readonly from: Box; readonly to: Box } {
	const [a, b] = [boxes.get(from), boxes.get(to)];
	if (!a || !b) throw new Error(`no box for ${from} or ${to}`);
	return { from: a, to: b };
}

function distance(a: Box, b: Box): number {
	const across = Math.max(b.x - a.x - a.width, a.x - b.x - b.width, 0);
	return Math.abs(b.y - a.y - a.height) + across;
}

/** Dijkstra's algorithm with a bucket for each cost; a state is a point and the step that led to it. */
function wayBetween(
	width: number,
	height: number,
	boxes: readonly Box[],
	used: ReadonlyMap<string, ReadonlySet<boolean>>,
	from: Box,
	to: Box,
): Point[] | undefined {
	const before = new Map<string, string | undefined>();
	const buckets: (readonly [state: string, before: string | undefined])[][] =
		[];
	const add = (cost: number, state: string, last: string | undefined): void => {
		const at = Math.round(cost);
		buckets[at] ??= [];
		buckets[at].push([state, last]);
	};
	const isUsed = (x: number, y: number, across: boolean): boolean =>
		used.get(`${x},${y}`)?.has(across) ?? false;
	const isTight = (x: number, y: number): boolean =>
		boxes.some((box) => holds(box, x, y, GRID));
	const price = (x: number, y: number, step: number): number => {
		const across = step !== DOWN;
		const [dx, dy] = across ? [0, GRID] : [GRID, 0];
		const beside =
			isUsed(x + dx, y + dy, across) || isUsed(x - dx, y - dy, across);
		return (
			(isTight(x, y) ? TIGHT : 1) +
			(isUsed(x, y, across) ? OVERLAP : 0) +
			(isUsed(x, y, !across) ? CROSSING : 0) +
			(beside ? BESIDE : 0)
		);
	};
	for (const [x, y, step] of doors(from, 1))
		add(
			price(x, y, step) + offCentre(from, x, y),
			`${x},${y},${step}`,
			undefined,
		);
	const goals = new Set(doors(to, -1).map((door) => door.join()));
	for (let cost = 0; cost < buckets.length; cost++) {
		for (const [state, last] of buckets[cost] ?? []) {
			if (before.has(state)) continue;
			before.set(state, last);
			if (goals.has(state)) return back(before, state);
			const [x = 0, y = 0, step = 0] = state.split(",").map(Number);
			for (const [next, [dx, dy]] of STEPS.entries()) {
				const [nx, ny] = [x + dx * GRID, y + dy * GRID];
				const key = `${nx},${ny},${next}`;
				if (next + step === 2 && next !== step) continue;
				if (nx <= 0 || nx >= width || ny >= height) continue;
				const isGoal = goals.has(key);
				if (!isGoal && boxes.some((box) => holds(box, nx, ny))) continue;
				add(
					cost +
						price(nx, ny, next) +
						(next === step ? 0 : TURN) +
						(isGoal ? offCentre(to, nx, ny) : 0),
					key,
					state,
				);
			}
		}
	}
	return undefined;
}

/** The points of a box's border with the step that leaves it there (`way` 1) or enters it (`way` -1). */
function doors(
	{ x, y, width, height }: Box,
	way: 1 | -1,
): (readonly [x: number, y: number, step: number])[] {
	const found: (readonly [number, number, number])[] = [];
	for (let i = x + 2 * GRID; i <= x + width - 2 * GRID; i += GRID)
		found.push([i, way === 1 ? y + height : y, DOWN]);
	for (let j = y + GRID; j <= y + height - GRID; j += GRID)
		found.push([x, j, way === 1 ? 2 : 0], [x + width, j, way === 1 ? 0 : 2]);
	return found;
}

/** Prefers the middle of a wall a little. */
function offCentre(
	{ x, y, width, height }: Box,
	px: number,
	py: number,
): number {
	return (
		Math.min(Math.abs(px - x - width / 2), Math.abs(py - y - height / 2)) / 60
	);
}

function holds(
	{ x, y, width, height }: Box,
	px: number,
	py: number,
	margin = 0,
): boolean {
	return (
		px >= x - margin &&
		px <= x + width + margin &&
		py >= y - margin &&
		py <= y + height + margin
	);
}

function back(
	before: ReadonlyMap<string, string | undefined>,
	end: string,
): Point[] {
	const way: Point[] = [];
	for (
		let at: string | undefined = end;
		at !== undefined;
		at = before.get(at)
	) {
		const [x = 0, y = 0] = at.split(",").map(Number);
		way.unshift([x, y]);
	}
	return way;
}

/** The path with round corners. */
function drawn(way: readonly Point[]): string {
	const corners = way.filter((_, i) => {
		const [a, b] = [way[i - 1], way[i + 1]];
		return !a || !b || (a[0] !== b[0] && a[1] !== b[1]);
	});
	const toward = ([x, y]: Point, [tx, ty]: Point): string =>
		`${x + RADIUS * Math.sign(tx - x)} ${y + RADIUS * Math.sign(ty - y)}`;
	return corners
		.map((p, i) => {
			const [a, b] = [corners[i - 1], corners[i + 1]];
			if (!a) return `M${p[0]} ${p[1]}`;
			return b
				? `L${toward(p, a)}Q${p[0]} ${p[1]} ${toward(p, b)}`
				: `L${p[0]} ${p[1]}`;
		})
		.join("");
}
