// The kernel's own statistics as Prometheus reads them, in its text format 0.0.4. The
// counts of our flushes are in text.ts.

import {
	COUNTERS,
	type Counter,
	type Counters,
} from "../conntrack/counters.ts";
import { lostIn } from "../conntrack/lost.ts";
import type { Statistics } from "../conntrack/stats.ts";

/** What each counter counts. */
export const COUNTER_HELP: Readonly<Record<Counter, string>> = {
	searched: "Entries looked at, on kernels before 4.9 only.",
	found: "Look-ups that found an entry in the way of a new one.",
	invalid: "Packets that could not be tracked.",
	insert: "Entries inserted, on current kernels over netlink only.",
	insert_failed:
		"Entries that could not be inserted. Kernels without clash_resolve also count what they passed on.",
	drop: "Packets dropped because their entry could not be made.",
	early_drop: "Entries removed to make room in a full table.",
	error: "Malformed packets.",
	search_restart: "Look-ups that had to start again.",
	clash_resolve:
		"Races of two packets of a new flow in which both passed. An answer that takes over 1 s is lost.",
	chain_toolong: "Packets dropped because their hash chain was too long.",
};

const LOST =
	"Packets lost because flows began at the same moment: two that wanted one source port (port), or what this kernel counts with it (race).";

/** Returns the samples of all CPUs together, or those of each CPU with a label. */
export function exposition(s: Statistics, perCPU = false): string {
	const lines = [
		...metric("conntrack_entries", "gauge", "Entries in the table.", [
			["", s.entries],
		]),
	];
	if (s.max > 0)
		lines.push(
			...metric("conntrack_entries_limit", "gauge", "Entries at most.", [
				["", s.max],
			]),
		);
	for (const name of COUNTERS) {
		const values: [string, number | undefined][] = perCPU
			? s.cpus.map((c) => [`{cpu="${c.cpu}"}`, c.counters[name]])
			: [["", s.total[name]]];
		const rows = values.filter(
			(v): v is [string, number] => v[1] !== undefined,
		);
		if (rows.length > 0)
			lines.push(
				...metric(
					`conntrack_${name}_total`,
					"counter",
					COUNTER_HELP[name],
					rows,
				),
			);
	}
	const lost = perCPU
		? s.cpus.flatMap((c) => lostRow(c.counters, `cpu="${c.cpu}",`))
		: lostRow(s.total, "");
	if (lost.length > 0)
		lines.push(...metric("conntrack_races_lost_total", "counter", LOST, lost));
	return `${lines.join("\n")}\n`;
}

function lostRow(counters: Counters, labels: string): [string, number][] {
	if (counters.insert_failed === undefined) return [];
	const { packets, cause } = lostIn(counters);
	return [[`{${labels}cause="${cause}"}`, packets]];
}

function metric(
	name: string,
	type: "gauge" | "counter",
	help: string,
	rows: readonly (readonly [labels: string, value: number])[],
): string[] {
	return [
		`# HELP ${name} ${help}`,
		`# TYPE ${name} ${type}`,
		...rows.map(([labels, value]) => `${name}${labels} ${value}`),
	];
}
