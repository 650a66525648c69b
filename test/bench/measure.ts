// One row for every contender of every case.

import { readFileSync } from "node:fs";
import { must } from "../support/exec.ts";
import { type Contender, contenders, staleEntries } from "./contenders.ts";
import { launch } from "./launch.ts";
import type { Node } from "./node.ts";
import { OPS, type Op } from "./ops.ts";
import { chosen, type Options } from "./options.ts";
import { Pace } from "./pace.ts";
import { loadRules } from "./rules.ts";
import {
	cpuOf,
	type Figures,
	figures,
	type Pair,
	pairs,
	wallOf,
} from "./stats.ts";
import type { Tools } from "./tools.ts";
import { type Traffic, trace } from "./trace.ts";

export interface Row {
	readonly op: string;
	readonly label: string;
	readonly size: number;
	readonly ports: number;
	readonly who: string;
	readonly kind: Contender["kind"];
	readonly figures?: Figures;
	/** The figure that is compared: a start has hundreds of runs and no work to count. */
	readonly by: "wall" | "cpu";
	/** The figures of the same rounds, ours and this one's. */
	readonly pairs: readonly Pair[];
	/** Longest time for which a CPU ran nothing that was due, ms, of every run. */
	readonly stalls: readonly number[];
	readonly traffic?: Traffic;
	readonly notes: readonly string[];
}

/** Estimates the cost of a run from what has been measured: linear in entries and, for portmap, in ports. */
function expected(
	rows: readonly Row[],
	op: Op,
	size: number,
	who: string,
): number {
	const known = rows.filter(
		(r) => r.who === who && r.figures && r.ports > 0 && op.request.ports > 0,
	);
	const largest = Math.max(...known.map((r) => r.size));
	const near = known.filter((r) => r.size === largest);
	const guesses = near.map((r) => {
		const entries = Math.max(1, size) / Math.max(16_384, r.size);
		const ports = op.request.ports / r.ports;
		return (
			(r.figures?.wall.median ?? 0) * Math.max(1, entries) * Math.max(1, ports)
		);
	});
	return guesses.length === 0 ? 0 : Math.min(...guesses);
}

async function setUp(contender: Contender, node: Node): Promise<number> {
	for (const argv of contender.before) {
		await must(["ip", "netns", "exec", node.name, ...argv], {
			env: { PATH: process.env.PATH, ...contender.env },
			timeoutMs: 0,
		}).catch(() => "");
	}
	return node.count();
}

/** Makes one run for the bytes that it reads, and checks that it does what it claims. */
async function examine(
	contender: Contender,
	op: Op,
	size: number,
	tools: Tools,
	node: Node,
): Promise<{ traffic?: Traffic; notes: string[] }> {
	if (tools.strace === undefined) return { notes: [] };
	const before = await setUp(contender, node);
	const traffic = await trace(tools.strace, node.name, contender);
	const gone = before - (await node.count());
	const hits = staleEntries(op, size);
	const retires = op.id.startsWith("retire") && contender.kind === "ours";
	const wrong = contender.flushes && !retires && gone !== hits;
	return {
		traffic,
		notes: wrong ? [`deletes ${gone}, stale are ${hits}`] : [],
	};
}

async function stalls(
	list: readonly Contender[],
	tools: Tools,
	node: Node,
	share: number,
): Promise<Map<string, number[]>> {
	const limits = { share, least: 3, most: 9, stall: true };
	const samples = await launch(tools.run, node.name, list, limits);
	return new Map(
		[...samples].map(([who, all]) => [who, all.map((s) => s.stall)]),
	);
}

/** Tidies up, so that the next case finds the table as this one did. */
async function tidy(list: readonly Contender[], node: Node): Promise<void> {
	const done = new Set<string>();
	for (const c of list) {
		for (const argv of c.after) {
			const once = argv.join(" ");
			if (done.has(once)) continue;
			done.add(once);
			await must(["ip", "netns", "exec", node.name, ...argv], {
				env: { PATH: process.env.PATH, ...c.env },
				timeoutMs: 0,
				...(c.stdin !== undefined && { input: readFileSync(c.stdin, "utf8") }),
			}).catch(() => "");
		}
	}
}

/** Runs of what takes a part of this, in ms. */
const QUICK_MS = 1000;
const OFTEN = 9;

async function measureCase(
	op: Op,
	size: number,
	known: readonly Row[],
	options: Options,
	pace: Pace,
	tools: Tools,
	node: Node,
): Promise<Row[]> {
	const all = await contenders(op, size, tools, node);
	const { share, longest, longestExtra } = pace.next(size, all.length);
	const cost = new Map(
		all.map((c) => [c.who, expected(known, op, size, c.who)]),
	);
	const isLong = (c: Contender): boolean =>
		!options.slow &&
		!(c.always && options.whole) &&
		c.kind === "peer" &&
		// one run of it is no longer than one of ours
		op.request.command !== "TABLE" &&
		(cost.get(c.who) ?? 0) > longest;
	const list = all.filter((c) => !isLong(c));
	// Few runs must do if one takes more than its share; what is quick runs more
	// often, whatever is left of the time: a ratio of three runs is a guess.
	const least = (c: Contender): number => {
		if (c.always || op.heavy) return 1;
		const ms = cost.get(c.who) ?? 0;
		const runs = share / ms;
		if (runs >= 1)
			return Math.max(
				options.least,
				Math.min(OFTEN, Math.floor(QUICK_MS / ms)),
			);
		return c.kind === "peer" || runs < 0.25 ? 1 : 2;
	};
	const samples = await launch(
		tools.run,
		node.name,
		list.map((c) => ({ ...c, least: least(c) })),
		{
			share,
			least: options.least,
			most: op.once ? 300 : 40,
			rounds: op.once ? "equal" : "pairs",
		},
	);
	const always = list.filter((c) => c.always).map((c) => c.who);
	pace.excuse(
		always
			.flatMap((who) => samples.get(who) ?? [])
			.reduce((sum, s) => sum + s.wall, 0),
	);
	const extra = (c: Contender): boolean =>
		(cost.get(c.who) ?? 0) < longestExtra;
	const probed = list.filter((c) => extra(c) && (op.stall || c.who === "ours"));
	const stall =
		op.request.ports > 0
			? await stalls(probed, tools, node, share)
			: new Map<string, number[]>();

	const by = op.request.ports === 0 ? "wall" : "cpu";
	const own = samples.get("ours") ?? [];
	const rows: Row[] = [];
	for (const c of all) {
		const row = {
			op: op.id,
			label: op.label,
			size,
			ports: op.request.ports,
			who: c.who,
			kind: c.kind,
			by,
			pairs: [],
			stalls: stall.get(c.who) ?? [],
		} as const;
		if (isLong(c)) {
			const seconds = Math.round((cost.get(c.who) ?? 0) / 1000);
			rows.push({
				...row,
				notes: [`left out: about ${seconds} s a run (--slow)`],
			});
			continue;
		}
		const traced =
			extra(c) && c.who !== "C nothing"
				? await examine(c, op, size, tools, node)
				: { notes: [] };
		const got = figures(samples.get(c.who) ?? []);
		const notes = [...traced.notes];
		// conntrack says 1 when there was nothing to delete.
		const bad = got.exits.filter(
			(code) =>
				!(c.who.startsWith("conntrack") && size === 0 && code === 1) &&
				// doctor has found something
				!(op.id === "doctor" && c.who === "ours" && code === 3),
		);
		if (bad.length > 0) notes.push(`exit ${bad.join(", ")}`);
		const its = c.who === "ours" ? [] : (samples.get(c.who) ?? []);
		rows.push({
			...row,
			figures: got,
			pairs: pairs(own, its, by === "wall" ? wallOf : cpuOf),
			...("traffic" in traced && traced.traffic && { traffic: traced.traffic }),
			notes,
		});
	}
	await tidy(list, node);
	return rows;
}

export async function measure(
	options: Options,
	tools: Tools,
	node: Node,
	progress: (text: string) => void,
): Promise<Row[]> {
	const rows: Row[] = [];
	const ops = OPS.filter((op) => chosen(options, op.id));
	const wanted = (op: Op, size: number): boolean =>
		op.once
			? size === options.sizes[0]
			: (options.ops.length > 0 && !options.quick) ||
				(op.sizes[0] <= size && size <= op.sizes[1]);
	const cases = options.sizes
		.filter((size) => size <= node.limit)
		.flatMap((size) =>
			ops
				.filter((op) => wanted(op, size))
				.filter((op) => size + staleEntries(op, size) <= node.limit)
				.map((op) => ({ op, size })),
		);
	for (const size of options.sizes.filter((size) => size > node.limit))
		progress(
			`${size} entries: left out, nf_conntrack_max allows ${node.limit} and cannot be raised here\n`,
		);
	const pace = new Pace(
		options.seconds,
		cases.map((c) => c.size),
	);
	for (const { op, size } of cases) {
		progress(`${size} entries: ${op.label}\n`);
		await node.table(size);
		await loadRules(node.name, op);
		rows.push(
			...(await measureCase(op, size, rows, options, pace, tools, node)),
		);
	}
	return rows;
}
