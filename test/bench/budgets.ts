// The budgets that this project allows itself: ratios against other programs of the same
// run, sizes, and how long a CPU may be kept from what is due.

import { MAIN_SIZE, NOTHING_STALE, PORTMAP } from "./contenders.ts";
import type { Row } from "./measure.ts";
import { median, ratio } from "./stats.ts";
import { LIST } from "./table.ts";
import { grouped, tableOf } from "./words.ts";

export interface Verdict {
	readonly about: About;
	readonly text: string;
	/** Undefined: what it is set against was not measured. */
	readonly measured: number | undefined;
	readonly limit: number;
	readonly unit: "×" | "MB" | "ms";
	readonly ok: boolean;
	/** The row of this plugin that it speaks about, and the one it is compared with. */
	readonly op?: string;
	readonly size?: number;
	readonly who?: string;
}

/** In the order of a report. */
export type About =
	| "against portmap"
	| "against conntrack -D"
	| "against conntrack -L"
	| "against the least it could cost"
	| "memory and size"
	| "stall of a CPU";

interface Against {
	readonly op: string;
	readonly sizes: readonly [least: number, most: number];
	readonly who: string;
	readonly limit: number;
	readonly about: About;
}

const portmap = (op: string, size: number, limit: number, who = PORTMAP) =>
	({
		op,
		sizes: [size, size],
		who,
		limit,
		about: "against portmap",
	}) as const;
const conntrack = (op: string, limit: number) =>
	({
		op,
		sizes: [20_000, Infinity],
		who: "conntrack -D",
		limit,
		about: "against conntrack -D",
	}) as const;
const listing = (op: string, limit: number) =>
	({
		op,
		sizes: [200_000, Infinity],
		who: LIST,
		limit,
		about: "against conntrack -L",
	}) as const;

const PEERS: readonly Against[] = [
	portmap("del-1", MAIN_SIZE, 0.1, `${PORTMAP} ADD`),
	portmap("add-1", 20_000, 0.25),
	portmap("add-1", MAIN_SIZE, 0.45),
	portmap("add-16", MAIN_SIZE, 0.04),
	portmap("add-100", MAIN_SIZE, 0.01),
	conntrack("add-1", 0.7),
	conntrack("del-1", 0.15),
	listing("list-all", 1.5),
	listing("list-stale", 0.6),
	listing("top", 0.6),
	listing("doctor", 0.6),
	listing("flush-stale", 0.8),
];

const START_FLOOR = 2.2;
const START_PORTMAP = 0.65;
const KERNEL_FLUSH = 1.2;
const SCAN = 1.25;
/** Many ports against one, by their number. */
const MANY: readonly (readonly [ports: number, limit: number])[] = [
	[100, 1.3],
	[10_000, 3],
];
const RSS_MB = 3;
/** Verbs with more ports than these have memory by their requests. */
const FEW_PORTS = 100;
const MANY_RSS_MB = 16;
const RECONCILE_RSS_MB = 16;
const TABLE_RSS_MB = 6;
const EXECUTABLE_MB = 2.5;
const BUNDLE_MB = 0.072;
/** The most CPU that the rules may cost, and the most memory, by the rules of the node. */
const RULES: readonly {
	readonly op: string;
	readonly ms: number;
	readonly mb: number;
}[] = [
	{ op: "add-1-rules-5000", ms: 10, mb: 6 },
	{ op: "add-1-rules-50000", ms: 150, mb: 6 },
];
/** Beyond the walk of an empty table, which no reader of it can avoid. */
const STALL_MS = 10;
/** Below this the start of the process is most of the cost, and has its own budget. */
const LARGE = 65_536;

function verdict(
	about: About,
	text: string,
	measured: number | undefined,
	limit: number,
	unit: Verdict["unit"],
): Verdict {
	const ok = measured !== undefined && measured <= limit;
	return { about, text, measured, limit, unit, ok };
}

function compared(
	about: About,
	ours: Row,
	other: Row | undefined,
	who: string,
	limit: number,
): Verdict {
	const measured =
		other && other.pairs.length > 0 ? ratio(other.pairs) : undefined;
	const table = ours.ports > 0 ? `, ${grouped(ours.size)} entries` : "";
	const what = ours.by === "wall" ? "exec to exit" : "CPU";
	const text = `${ours.label}${table}: ${what}, ours / ${who}`;
	const at = { op: ours.op, size: ours.size, who };
	return { ...verdict(about, text, measured, limit, "×"), ...at };
}

/** The other contenders of the case. */
function others(rows: readonly Row[], ours: Row): Row[] {
	return rows.filter(
		(r) => r.op === ours.op && r.size === ours.size && r !== ours && r.figures,
	);
}

function least(rows: readonly Row[], by: Row["by"]): Row | undefined {
	const cost = (r: Row): number => r.figures?.[by].median ?? Infinity;
	return rows.toSorted((a, b) => cost(a) - cost(b))[0];
}

/** The cheapest C program that does it. */
export function floorOf(rows: readonly Row[], ours: Row): Row | undefined {
	return least(
		others(rows, ours)
			.concat(ours)
			.filter((r) => r.kind === "floor"),
		ours.by,
	);
}

function peers(rows: readonly Row[], ours: Row): Verdict[] {
	return PEERS.filter(
		({ op, sizes: [from, to] }) =>
			op === ours.op && from <= ours.size && ours.size <= to,
	).map(({ who, limit, about }) => {
		const other = others(rows, ours).find((r) => r.who === who);
		return compared(about, ours, other, who, limit);
	});
}

function startUp(rows: readonly Row[], ours: Row): Verdict[] {
	const floor = floorOf(rows, ours);
	const versions = others(rows, ours).filter(
		(r) =>
			r.who.startsWith("portmap") &&
			(r.op === "version" || r.who.endsWith("VERSION")),
	);
	const fastest = least(versions, "wall");
	const list: [About, Row | undefined, number][] = [
		["against the least it could cost", floor, START_FLOOR],
		["against portmap", fastest, START_PORTMAP],
	];
	return list.flatMap(([about, row, limit]) =>
		row ? [compared(about, ours, row, row.who, limit)] : [],
	);
}

function flushing(rows: readonly Row[], ours: Row): Verdict[] {
	const floor = floorOf(rows, ours);
	if (ours.size < LARGE || !floor) return [];
	// The dump removes nothing and judges by one pod: the rows with many stale
	// entries, and with frontends for many entries, are for reading.
	const more = /-(stale|flood)$/.test(ours.op) || ours.op === "reconcile-dns";
	if (floor.who === "C dump" && more) return [];
	const limit = floor.who === "C flush" ? KERNEL_FLUSH : SCAN;
	return [
		compared("against the least it could cost", ours, floor, floor.who, limit),
	];
}

/** Many ports against one, where both are found by a scan. */
function manyPorts(rows: readonly Row[], ours: Row): Verdict[] {
	const one = others(rows, ours).find((r) => r.who === "ours, 1 port");
	const [, limit] = MANY.find(([ports]) => ours.ports <= ports) ?? [];
	if (!one || limit === undefined || ours.size < LARGE) return [];
	return [
		compared("against the least it could cost", ours, one, one.who, limit),
	];
}

/** A call that has to read the rules against one that finds nothing stale. */
function reading(rows: readonly Row[], ours: Row): Verdict[] {
	const limits = RULES.find(({ op }) => op === ours.op);
	const idle = others(rows, ours).find((r) => r.who === NOTHING_STALE);
	if (!limits || !ours.figures || !idle?.figures) return [];
	const more = ours.figures.cpu.median - idle.figures.cpu.median;
	const about = "against the least it could cost";
	return [
		verdict(
			about,
			`${ours.label}: CPU beyond ${idle.who}`,
			more,
			limits.ms,
			"ms",
		),
		verdict(
			"memory and size",
			`peak RSS: ${ours.label}`,
			rss(ours),
			limits.mb,
			"MB",
		),
	];
}

/** The row that has most of something. */
function worst(
	rows: readonly Row[],
	value: (r: Row) => number,
): [Row, number] | undefined {
	return rows
		.filter((r) => !Number.isNaN(value(r)))
		.map((r): [Row, number] => [r, value(r)])
		.toSorted((a, b) => b[1] - a[1])[0];
}

const isOfTable = (r: Row): boolean =>
	PEERS.some(({ op, who }) => op === r.op && who === LIST);
const rss = (r: Row): number => (r.figures?.rss ?? Number.NaN) / 1024;
const late = (r: Row): number => median(r.stalls);

/** A full dump of an empty table is one walk of all buckets, with bottom halves off. */
export function emptyWalk(rows: readonly Row[]): number | undefined {
	const walk = rows.find((r) => r.size === 0 && r.who === "C dump");
	return walk && walk.stalls.length > 0 ? late(walk) : undefined;
}

function bySize(rows: readonly Row[], own: readonly Row[]): Verdict[] {
	const list: Verdict[] = [];
	const walk = emptyWalk(rows);
	for (const size of new Set(own.map((r) => r.size))) {
		const here = own.filter((r) => r.size === size);
		const table = tableOf(size);
		const verbs = here.filter(
			(r) =>
				!r.op.startsWith("reconcile") &&
				!isOfTable(r) &&
				r.ports <= FEW_PORTS &&
				!RULES.some(({ op }) => op === r.op),
		);
		const heaviest = worst(verbs, rss);
		if (heaviest) {
			const [row, mb] = heaviest;
			const text = `peak RSS of any verb, ${table} (most: ${row.label})`;
			list.push(verdict("memory and size", text, mb, RSS_MB, "MB"));
		}
		const longest = worst(here, late);
		if (longest && walk !== undefined) {
			const [row, ms] = longest;
			const text = `any operation, ${table}, beyond the walk of an empty table (most: ${row.label})`;
			const beyond = Math.max(0, ms - walk);
			list.push(verdict("stall of a CPU", text, beyond, STALL_MS, "ms"));
		}
	}
	return list;
}

const ORDER: readonly About[] = [
	"against portmap",
	"against conntrack -D",
	"against conntrack -L",
	"against the least it could cost",
	"memory and size",
	"stall of a CPU",
];

export function verdicts(
	rows: readonly Row[],
	executableBytes: number,
	bundleBytes: number,
): Verdict[] {
	const size = (text: string, bytes: number, limit: number): Verdict =>
		verdict("memory and size", text, bytes / 1e6, limit, "MB");
	const list = [
		size("the executable", executableBytes, EXECUTABLE_MB),
		size("code for container runtimes, minified", bundleBytes, BUNDLE_MB),
	];
	const own = rows.filter((r) => r.kind === "ours" && r.figures);
	list.push(...bySize(rows, own));
	const whole = worst(
		own.filter((r) => r.op.startsWith("reconcile")),
		rss,
	);
	if (whole) {
		const text = "peak RSS of reconcile, any table";
		list.push(
			verdict("memory and size", text, whole[1], RECONCILE_RSS_MB, "MB"),
		);
	}
	const looking = worst(own.filter(isOfTable), rss);
	if (looking) {
		const [row, mb] = looking;
		const text = `peak RSS of a command about the whole table, any table (most: ${row.label})`;
		list.push(verdict("memory and size", text, mb, TABLE_RSS_MB, "MB"));
	}
	const largest = worst(
		own.filter((r) => !r.op.startsWith("reconcile") && r.ports > FEW_PORTS),
		rss,
	);
	if (largest) {
		const text = "peak RSS of a verb with up to 65535 ports, any table";
		list.push(verdict("memory and size", text, largest[1], MANY_RSS_MB, "MB"));
	}
	for (const row of own.filter((r) => r.who === "ours")) {
		list.push(
			...(row.ports === 0 ? startUp(rows, row) : flushing(rows, row)),
			...peers(rows, row),
			...manyPorts(rows, row),
			...reading(rows, row),
		);
	}
	return ORDER.flatMap((about) => list.filter((v) => v.about === about));
}
