// What was lost, by what kernels of each generation send. The counters are those of races
// that were made on purpose (docs/dns.json), and before 5.10 what the kernel's code counts.

import { expect, test } from "vitest";
import type { Counters } from "../../../../src/conntrack/counters.ts";
import { type Lost, lostIn } from "../../../../src/conntrack/lost.ts";

/** The kernel that runs here, with two pods that want one source port. */
const PORT_RACE = { insert_failed: 1509, drop: 1509, clash_resolve: 0 };

test.each<[string, Counters, Lost["cause"], number]>([
	["6.18, two pods and one port", PORT_RACE, "port", 1509],
	[
		"6.18, A and AAAA: both passed",
		{ insert_failed: 0, drop: 0, clash_resolve: 2901, chain_toolong: 0 },
		"port",
		0,
	],
	[
		"5.15, chains that were too long are no race",
		{ insert_failed: 7, drop: 0, clash_resolve: 0, chain_toolong: 7 },
		"port",
		0,
	],
	[
		"5.15, both",
		{ insert_failed: 9, drop: 2, clash_resolve: 1, chain_toolong: 7 },
		"port",
		2,
	],
	["5.10, which does not count chains", PORT_RACE, "port", 1509],
	[
		"5.10, a full table is no race",
		{ insert_failed: 0, drop: 12, clash_resolve: 0 },
		"port",
		0,
	],
	[
		"5.4: what was passed on is no loss",
		{ insert_failed: 9, drop: 0 },
		"race",
		0,
	],
	["5.4: what was dropped", { insert_failed: 9, drop: 4 }, "race", 4],
	[
		"4.4: dropped, and not counted so",
		{ searched: 70, insert_failed: 9, drop: 0 },
		"race",
		9,
	],
	[
		"4.8: counts what it dropped",
		{ searched: 70, insert_failed: 9, drop: 4 },
		"race",
		4,
	],
	["a kernel that sends nothing", {}, "race", 0],
])("%s", (_, counters, cause, packets) => {
	expect(lostIn(counters)).toEqual({ packets, cause });
});
