// Which pictures are drawn from the rows.

import { MAIN_SIZE, PORTMAP } from "./contenders.ts";
import type { Row } from "./measure.ts";
import { barChart, lineChart, type Series, type Tone } from "./svg.ts";
import { grouped } from "./words.ts";

interface Curve {
	readonly who: string;
	readonly op: string;
	readonly label: string;
	readonly tone: Tone;
}

function curve(who: string, op: string, label: string, tone: Tone): Curve {
	return { who, op, label, tone };
}

/** Costs what the newest does, so that only the start is drawn. */
const DEBIAN = "portmap (Debian)";

const ADD: readonly Curve[] = [
	curve(PORTMAP, "add-1", PORTMAP, "peer"),
	curve("conntrack -D", "add-1", "conntrack -D", "other"),
	curve("ours", "add-1", "conntrack-flush", "ours"),
	curve("C dump", "add-1", "C program, dump only", "floor"),
];

const DEL: readonly Curve[] = [
	curve("conntrack -D", "del-1", "conntrack -D", "other"),
	curve("ours", "retire-1", "conntrack-flush, retiring", "second"),
	curve("ours", "del-1", "conntrack-flush, deleting", "third"),
	curve("C flush", "del-1", "C program, one DELETE", "floor"),
	curve(`${PORTMAP} ADD`, "del-1", `${PORTMAP}'s flush, on ADD`, "peer"),
];

const MEMORY: readonly Curve[] = [
	curve(PORTMAP, "add-1", `${PORTMAP} ADD`, "peer"),
	curve("conntrack -D", "add-1", "conntrack -D", "other"),
	curve("ours", "add-1", "conntrack-flush ADD", "ours"),
	curve("ours", "add-53", "conntrack-flush ADD, port 53", "second"),
	curve("C dump", "add-1", "C program, dump only", "floor"),
];

type Value = (row: Row) => number | undefined;
const cpu: Value = (row) => row.figures?.cpu.median;
const megabytes: Value = (row) => row.figures && row.figures.rss / 1024;

interface Points {
	readonly points: Series["points"];
	/** It was left out beyond. */
	readonly ends: boolean;
}

function points(rows: readonly Row[], x: (r: Row) => number, y: Value): Points {
	const sorted = rows.toSorted((a, b) => x(a) - x(b));
	return {
		points: sorted.flatMap((r) => {
			const value = y(r);
			return value === undefined ? [] : [[x(r), value] as const];
		}),
		ends: sorted.at(-1)?.figures === undefined,
	};
}

function series(
	{ label, tone }: Pick<Curve, "label" | "tone">,
	{ points, ends }: Points,
): Series {
	const note = { note: "not measured beyond: takes minutes" };
	return { label, tone, points, ...(ends && note) };
}

function bySize(
	rows: readonly Row[],
	curves: readonly Curve[],
	value: Value,
): Series[] {
	return curves.map((c) => {
		const own = rows.filter(
			(r) => r.who === c.who && r.op === c.op && r.size > 0,
		);
		return series(
			c,
			points(own, (r) => r.size, value),
		);
	});
}

function byPorts(rows: readonly Row[]): Series[] {
	const of = (who: string, verb: string, label: string, tone: Tone): Series => {
		const own = rows.filter(
			(r) =>
				r.who === who &&
				r.size === MAIN_SIZE &&
				new RegExp(`^${verb}-(1|4|16|100)$`).test(r.op),
		);
		return series(
			{ label, tone },
			points(own, (r) => r.ports, cpu),
		);
	};
	return [
		of(PORTMAP, "add", `${PORTMAP} ADD`, "peer"),
		of("ours", "add", "conntrack-flush ADD", "ours"),
		of("ours", "del", "conntrack-flush DEL", "third"),
		of("C dump", "add", "C program, dump only", "floor"),
	];
}

function startUp(rows: readonly Row[]): string {
	const bar = (who: string, op: string, label: string, tone: Tone) =>
		rows
			.filter((r) => r.who === who && r.op === op && r.figures)
			.map((r) => ({ label, tone, value: r.figures?.wall.median ?? 0 }))[0];
	const bars = [
		bar("C nothing", "version", "C program doing nothing", "floor"),
		bar("ours", "version", "conntrack-flush VERSION", "ours"),
		bar("ours", "add-0", "conntrack-flush ADD, no port", "ours"),
		bar("ours", "del-0", "conntrack-flush DEL, no port", "ours"),
		bar(DEBIAN, "version", "portmap of Debian VERSION", "old"),
		bar(DEBIAN, "add-0", "portmap of Debian ADD, no port", "old"),
		bar(PORTMAP, "version", `${PORTMAP} VERSION`, "peer"),
		bar(PORTMAP, "add-0", `${PORTMAP} ADD, no port`, "peer"),
	].filter((b) => b !== undefined);
	return barChart({
		title: "What a call costs that has nothing to flush",
		subtitle: "exec to exit, median",
		unit: "ms",
		bars,
	});
}

const CPU =
	"user and system CPU time of one call, median, logarithmic; portmap's includes its iptables rules";

/** Returns the pictures by file name; a figure that was not measured is not drawn. */
export function plots(rows: readonly Row[]): Map<string, string> {
	const files = new Map<string, string>();
	const lines = (
		name: string,
		all: readonly Series[],
		words: { title: string; subtitle: string; xLabel: string; unit: string },
	): void => {
		const drawn = all.filter((s) => s.points.length > 1);
		const xs = drawn.flatMap((s) => s.points.map((p) => p[0]));
		const xTicks = [...new Set(xs)].toSorted((a, b) => a - b);
		if (drawn.length > 0)
			files.set(name, lineChart({ ...words, xTicks, series: drawn }));
	};
	const entries = "entries in the conntrack table";
	lines("table-size.svg", bySize(rows, ADD, cpu), {
		title: "ADD: cost of one host port by table size",
		subtitle: CPU,
		xLabel: entries,
		unit: "ms",
	});
	lines("table-size-del.svg", bySize(rows, DEL, cpu), {
		title: "DEL: cost of one host port by table size",
		subtitle: `${CPU}; its DEL flushes nothing`,
		xLabel: entries,
		unit: "ms",
	});
	lines("ports.svg", byPorts(rows), {
		title: `Cost by number of host ports, ${grouped(MAIN_SIZE)} entries`,
		subtitle: CPU,
		xLabel: "UDP ports of the pod",
		unit: "ms",
	});
	lines("memory.svg", bySize(rows, MEMORY, megabytes), {
		title: "Memory by table size",
		subtitle: "peak RSS of one call, the worst of all runs, logarithmic",
		xLabel: entries,
		unit: "MB",
	});
	if (rows.some((r) => r.op === "version"))
		files.set("start-up.svg", startUp(rows));
	return files;
}
