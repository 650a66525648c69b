// The agent's metrics in Prometheus' text format 0.0.4: our own counts, the gauges of
// the node, and the kernel's statistics from exposition.ts.

import type { Statistics } from "../conntrack/stats.ts";
import { exposition } from "./exposition.ts";
import { BUCKETS, type Count, type Histogram, type Totals } from "./totals.ts";

export const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The state of the node at the moment. */
export interface Gauges {
	readonly version: string;
	/** The executable is where the runtime looks for it, and is this one. undefined: nobody has looked. */
	readonly installed: boolean | undefined;
	/** The plugin is in the chain. undefined: nobody has looked. */
	readonly configured: boolean | undefined;
	/** undefined: ctnetlink cannot be asked. */
	readonly statistics: Statistics | undefined;
	/** The number of recorded attachments. undefined: their directory cannot be read. */
	readonly attachments: number | undefined;
	/** The number of ADDs and DELs that gave up and whose rest waits for a pass. */
	readonly left: number;
	/** false: the plugin could not use conntrack when its STATUS was last called. */
	readonly usable: boolean;
}

/** Returns all metrics as a text that ends in a line feed. Without `totals` it has no counts of flushes. */
export function metricsText(totals: Totals | undefined, g: Gauges): string {
	const lines = [
		...(totals ? countsOf(totals) : []),
		...gauge(
			"build_info",
			"The version of the program that serves this.",
			1,
			labels(["version"], g.version),
		),
		...condition(
			"installed",
			"Whether the executable is where the runtime looks for it, and is this version.",
			g.installed,
		),
		...condition(
			"configured",
			"Whether the plugin is in the chain of the node's network.",
			g.configured,
		),
		...gauge(
			"ctnetlink_available",
			"Whether conntrack can be used over netlink.",
			Number(g.statistics !== undefined),
		),
		...gauge(
			"plugin_usable",
			"0 if the plugin itself could not use conntrack when the runtime last called its STATUS, 1 otherwise.",
			Number(g.usable),
		),
	];
	if (g.attachments !== undefined)
		lines.push(
			...gauge("attachments", "Attachments on record.", g.attachments),
		);
	lines.push(
		...gauge(
			"left",
			"ADDs and DELs that gave up and whose rest waits for the next pass.",
			g.left,
		),
	);
	const own = `${lines.join("\n")}\n`;
	return g.statistics ? own + exposition(g.statistics) : own;
}

function countsOf(totals: Totals): string[] {
	return [
		...counter(
			"flushes_total",
			"Flushes, by what caused them and how they looked for entries.",
			["event", "how"],
			totals.flushes,
		),
		...counter(
			"entries_total",
			"Entries that a flush looked at, by what became of them: deleted, given a short timeout (retired), gone before that, kept, or refused by the kernel. A kernel flush does not say how many it deleted; shrank is by how much the table became smaller at once.",
			["outcome"],
			totals.entries,
		),
		...counter(
			"stale_entries_total",
			"Entries found stale, whether or not they could be removed.",
			["reason", "protocol"],
			totals.stale,
		),
		...counter(
			"removed_total",
			"Entries removed, deleted or retired, by why they had to go. Of a kernel flush, by how much the table became smaller at once, which may be less.",
			["reason", "protocol"],
			totals.removed,
		),
		...counter(
			"failures_total",
			"Flushes that ended early and removals that the kernel refused.",
			["cause"],
			totals.failures,
		),
		...durations(totals.durations),
	];
}

function counter(
	name: string,
	help: string,
	names: readonly string[],
	counts: Count,
): string[] {
	return [
		...header(name, help, "counter"),
		...sorted(counts).map(([values, n]) =>
			sample(name, labels(names, values), n),
		),
	];
}

function durations(all: ReadonlyMap<string, Histogram>): string[] {
	const name = "duration_seconds";
	return [
		...header(name, "How long flushes took.", "histogram"),
		...sorted(all).flatMap(([event, { buckets, sum, count }]) => [
			...BUCKETS.map((bound, i) =>
				sample(
					`${name}_bucket`,
					labels(["event", "le"], `${event}\n${bound}`),
					buckets[i] ?? 0,
				),
			),
			sample(
				`${name}_bucket`,
				labels(["event", "le"], `${event}\n+Inf`),
				count,
			),
			sample(`${name}_sum`, labels(["event"], event), sum),
			sample(`${name}_count`, labels(["event"], event), count),
		]),
	];
}

function gauge(
	name: string,
	help: string,
	value: number,
	labelled = "",
): string[] {
	return [...header(name, help, "gauge"), sample(name, labelled, value)];
}

function condition(
	name: string,
	help: string,
	holds: boolean | undefined,
): string[] {
	return holds === undefined ? [] : gauge(name, help, Number(holds));
}

function header(name: string, help: string, type: string): string[] {
	return [
		`# HELP conntrack_flush_${name} ${help}`,
		`# TYPE conntrack_flush_${name} ${type}`,
	];
}

function sample(name: string, labelled: string, value: number): string {
	return `conntrack_flush_${name}${labelled} ${value}`;
}

/** Returns the counts in an order that does not depend on which of them came first. */
function sorted<T>(counts: ReadonlyMap<string, T>): [string, T][] {
	return [...counts].sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Returns `{name="value",…}`; `values` are joined by "\n", as in totals.ts. */
function labels(names: readonly string[], values: string): string {
	const all = values.split("\n");
	return `{${names.map((name, i) => `${name}="${escaped(all[i] ?? "")}"`).join()}}`;
}

/** Escapes a label's value. A line feed cannot be in it, because it separates values. */
function escaped(value: string): string {
	return value.replace(/[\\"]/g, "\\$&");
}
