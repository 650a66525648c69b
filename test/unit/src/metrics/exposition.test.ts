// The kernel's statistics, as Prometheus reads them.

import { expect, test } from "vitest";
import type { Statistics } from "../../../../src/conntrack/stats.ts";
import { exposition } from "../../../../src/metrics/exposition.ts";

const STATISTICS: Statistics = {
	entries: 5,
	max: 9,
	cpus: [
		{ cpu: 0, counters: { drop: 1, insert_failed: 2 } },
		{ cpu: 3, counters: { drop: 4 } },
	],
	total: { drop: 5, insert_failed: 2 },
};
/** The samples, without help and types. */
const samples = (s: Statistics, perCPU?: boolean): string[] =>
	exposition(s, perCPU)
		.split("\n")
		.filter((line) => line !== "" && !line.startsWith("#"));

test.each<[string, Statistics, boolean, string[]]>([
	[
		"fill, limit and the counters of all CPUs, in the kernel's order",
		STATISTICS,
		false,
		[
			"conntrack_entries 5",
			"conntrack_entries_limit 9",
			"conntrack_insert_failed_total 2",
			"conntrack_drop_total 5",
			'conntrack_races_lost_total{cause="race"} 5',
		],
	],
	[
		"each CPU by itself; one that lacks a counter has no sample of it",
		STATISTICS,
		true,
		[
			"conntrack_entries 5",
			"conntrack_entries_limit 9",
			'conntrack_insert_failed_total{cpu="0"} 2',
			'conntrack_drop_total{cpu="0"} 1',
			'conntrack_drop_total{cpu="3"} 4',
			'conntrack_races_lost_total{cpu="0",cause="race"} 1',
		],
	],
	[
		"a limit that the kernel does not tell is left out",
		{ ...STATISTICS, max: 0, total: {} },
		false,
		["conntrack_entries 5"],
	],
	[
		"a counter of 0 is a sample",
		{ ...STATISTICS, total: { error: 0 } },
		false,
		[
			"conntrack_entries 5",
			"conntrack_entries_limit 9",
			"conntrack_error_total 0",
		],
	],
])("%s", (_, statistics, perCPU, want) =>
	expect(samples(statistics, perCPU)).toEqual(want),
);

test("each metric has its help and its type before it, and the last line ends", () => {
	const only = { ...STATISTICS, max: 0, total: { drop: 5 } };
	expect(exposition(only)).toBe(`# HELP conntrack_entries Entries in the table.
# TYPE conntrack_entries gauge
conntrack_entries 5
# HELP conntrack_drop_total Packets dropped because their entry could not be made.
# TYPE conntrack_drop_total counter
conntrack_drop_total 5
`);
});
