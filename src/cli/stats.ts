// `stats`: prints how full the table is and what the kernel has counted, once or as it
// changes. It reads entries only to say whom a loss concerns.

import { COUNTERS, type Counters } from "../conntrack/counters.ts";
import {
	difference,
	fillOf,
	isNearlyFull,
	readStatistics,
	type Statistics,
	sum,
} from "../conntrack/stats.ts";
import { whom } from "../doctor/races.ts";
import type { Host } from "../host.ts";
import { exposition } from "../metrics/exposition.ts";
import { command } from "./command.ts";
import { wrap } from "./help.ts";
import { type Advice, adviceOn, NEARLY_FULL } from "./stats.advice.ts";
import { widthOf } from "./table.ts";
import { UsageError } from "./usage.ts";
import { INTERVAL, oneOf } from "./values.ts";

type Output = "table" | "json" | "prometheus";

const EVERY_MS = 2000;
/** The number of rows of --watch under one heading. */
const PAGE = 20;

export const statsCommand = command({
	name: "stats",
	summary: "show how full the table is, and what the kernel has counted",
	about: `Shows the number of conntrack entries, their limit, and the kernel's counters: found, invalid, insert, insert_failed, drop, early_drop, error, search_restart, clash_resolve, chain_toolong. A counter that means trouble is explained, with what helps. All numbers are those of this network namespace; the counters count since it was created.

The numbers are read over netlink. This needs CAP_NET_ADMIN, but not procfs (CONFIG_NF_CONNTRACK_PROCFS), which some kernels lack. A counter that this kernel does not have is left out.`,
	flags: {
		perCpu: {
			help: "print a row for each CPU, and one for all of them together",
		},
		watch: {
			short: "w",
			help: "print a row per interval, with the entries and what was counted in that time, until SIGINT or SIGTERM",
		},
		interval: {
			...INTERVAL,
			help: "with --watch: the time between two rows; 2s if not given",
		},
		output: {
			...oneOf<Output>("FORMAT", ["table", "json", "prometheus"]),
			short: "o",
			fallback: "table",
			help: "the output format; with --watch, json is one document per line",
		},
	},
	examples: [
		{ to: "see what the kernel has counted", line: "conntrack-flush stats" },
		{
			to: "find out whether packets are lost now",
			line: "conntrack-flush stats --watch",
		},
		{
			to: "write a file for node_exporter's textfile collector",
			line: "conntrack-flush stats -o prometheus > conntrack.prom",
		},
	],
	async run(host, { perCpu, watch, interval, output }) {
		if (watch && output === "prometheus")
			throw new UsageError("--watch is not for -o prometheus");
		if (interval !== undefined && !watch)
			throw new UsageError("--interval is for --watch");
		if (watch)
			return follow(host, interval ?? EVERY_MS, output === "json", perCpu);
		const now = await readStatistics(host);
		host.write(1, await print(host, now, output, perCpu));
		return 0;
	},
});

async function print(
	host: Host,
	s: Statistics,
	output: Output,
	perCpu: boolean,
): Promise<string> {
	switch (output) {
		case "prometheus":
			return exposition(s, perCpu);
		case "json":
			return `${JSON.stringify(asJSON(s, perCpu), undefined, 2)}\n`;
		case "table":
			return `entries  ${fillOf(s)}\n\n${perCpu ? table(host, perCPU(s)) : list(s.total)}${await explained(host, s)}`;
	}
}

/** Prints what changed in each interval. A counter is explained when it rises for the first time. */
async function follow(
	host: Host,
	interval: number,
	json: boolean,
	perCpu: boolean,
): Promise<number> {
	let before = await readStatistics(host);
	let since = host.ticks();
	const told = new Set<string>();
	for (let row = 0; ; row++) {
		// the first call begins to watch for signals
		if (host.signal()) return 0;
		await host.sleep(interval);
		if (host.signal()) return 0;
		const now = await readStatistics(host);
		const cpus = difference(before.cpus, now.cpus);
		const change = { ...now, cpus, total: sum(cpus) };
		if (json) {
			const seconds = Math.round(host.ticks() - since) / 1000;
			host.write(
				1,
				`${JSON.stringify({ seconds, ...asJSON(change, perCpu) })}\n`,
			);
		} else {
			const rows = perCpu
				? perCPU(change)
				: [{ entries: now.entries, ...change.total }];
			const lines = columns(host, rows, { entries: now.max });
			const withHeading = perCpu || row % PAGE === 0;
			host.write(1, `${withHeading ? lines.heading : ""}${lines.rows}`);
			for (const advice of adviceOn(change.total)) {
				if (!told.has(advice.counter))
					host.write(2, `${wrap(await inWords(host, advice), "")}\n`);
				told.add(advice.counter);
			}
		}
		before = now;
		since = host.ticks();
	}
}

function asJSON(s: Statistics, perCpu: boolean): object {
	return {
		entries: s.entries,
		...(s.max > 0 && { max: s.max }),
		counters: s.total,
		...(perCpu && { cpus: s.cpus }),
	};
}

function list(counters: Counters): string {
	const width = Math.max(...COUNTERS.map((name) => name.length));
	const values = COUNTERS.filter((name) => counters[name] !== undefined);
	const digits = Math.max(...values.map((n) => String(counters[n]).length), 0);
	return values
		.map(
			(name) =>
				`${name.padEnd(width)}  ${String(counters[name]).padStart(digits)}\n`,
		)
		.join("");
}

type Row = Readonly<Record<string, number | string | undefined>>;

function perCPU(s: Statistics): Row[] {
	return [
		...s.cpus.map(({ cpu, counters }) => ({ cpu, ...counters })),
		{ cpu: "all", ...s.total },
	];
}

function table(host: Host, rows: readonly Row[]): string {
	const lines = columns(host, rows);
	return lines.heading + lines.rows;
}

/** A heading, in two lines if one would be too wide, and a line for each row. */
interface Lines {
	readonly heading: string;
	readonly rows: string;
}

/** Returns the values right-aligned under their names, in columns that also have room for those of `widest`. */
function columns(host: Host, rows: readonly Row[], widest: Row = {}): Lines {
	const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
	const values = [...rows, widest];
	const widthsOf = (heads: readonly string[][]): number[] =>
		names.map((name, i) => {
			const cells = values.map((row) => String(row[name] ?? ""));
			const head = heads.map((line) => line[i] ?? "");
			return Math.max(...[...head, ...cells].map((c) => c.length));
		});
	const sum = (widths: readonly number[], gap: number): number =>
		widths.reduce((all, w) => all + w + gap, -gap);
	const room = widthOf(host);
	let heads: string[][] = [names];
	if (sum(widthsOf(heads), 2) > room)
		heads = [
			names.map((name) => /^.*_/.exec(name)?.[0] ?? ""),
			names.map((name) => name.replace(/^.*_/, "")),
		];
	const widths = widthsOf(heads);
	const gap = sum(widths, 2) > room ? " " : "  ";
	const line = (cells: readonly unknown[]): string =>
		`${cells.map((cell, i) => String(cell).padStart(widths[i] ?? 0)).join(gap)}\n`;
	return {
		heading: heads.map(line).join(""),
		rows: rows.map((row) => line(names.map((n) => row[n] ?? ""))).join(""),
	};
}

async function explained(host: Host, s: Statistics): Promise<string> {
	const lines: string[] = [];
	if (isNearlyFull(s))
		lines.push(
			`entries: ${NEARLY_FULL}; find out who fills it: conntrack-flush top`,
		);
	for (const advice of adviceOn(s.total))
		lines.push(await inWords(host, advice));
	return lines.map((line) => `\n${wrap(line, "")}\n`).join("");
}

/** Returns the advice, with whom it concerns if a sample of the table shows it. */
async function inWords(
	host: Host,
	{ counter, text, isOfPorts }: Advice,
): Promise<string> {
	return `${counter}: ${text}${isOfPorts ? await whom(host) : ""}`;
}
