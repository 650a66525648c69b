// The totals: how the lines of the spool add up.

import { describe, expect, test } from "vitest";
import type { Report } from "../../../../src/flush/report.ts";
import { metricsText } from "../../../../src/metrics/text.ts";
import { addLines, noTotals } from "../../../../src/metrics/totals.ts";
import { DeadlineError } from "../../../../src/netlink/deadline.ts";
import { DecodeError, NetlinkError } from "../../../../src/netlink/nl.ts";
import { sysError } from "../../../support/fakehost.ts";
import { collected, GAUGES, spooled } from "../../../support/unit/spooling.ts";

describe("a report becomes", () => {
	/** The counts that are not 0, without what all names begin with. */
	const counts = (change: Partial<Report>): string[] =>
		metricsText(collected("ADD", change), GAUGES)
			.split("\n")
			.filter((line) =>
				/^conntrack_flush_(?!duration)\w+_total.* [^0]/.test(line),
			)
			.map((line) => line.replace("conntrack_flush_", ""));

	test.each<[name: string, change: Partial<Report>, want: string[]]>([
		[
			"a flush, by event and way",
			{ how: "nothing" },
			['flushes_total{event="ADD",how="nothing"} 1'],
		],
		[
			"entries, by what became of them",
			{ deleted: 3, retired: 4, expired: 5, kept: 6 },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 3',
				'entries_total{outcome="gone"} 5',
				'entries_total{outcome="kept"} 6',
				'entries_total{outcome="retired"} 4',
				'removed_total{reason="dead-pod",protocol="unknown"} 7',
			],
		],
		[
			"entries that a kernel flush removed",
			{
				how: "kernel-flush",
				deleted: 5,
				verdicts: new Map([["dead-pod/17", 5]]),
			},
			[
				'flushes_total{event="ADD",how="kernel-flush"} 1',
				'entries_total{outcome="shrank"} 5',
				'stale_entries_total{reason="dead-pod",protocol="udp"} 5',
				'removed_total{reason="dead-pod",protocol="udp"} 5',
			],
		],
		[
			"entries removed, by reason and protocol",
			{
				deleted: 3,
				retired: 1,
				verdicts: new Map([
					["no-dnat/17", 2],
					["other-pod/6", 2],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 3',
				'entries_total{outcome="retired"} 1',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 2',
				'stale_entries_total{reason="other-pod",protocol="tcp"} 2',
				'removed_total{reason="no-dnat",protocol="udp"} 2',
				'removed_total{reason="other-pod",protocol="tcp"} 2',
			],
		],
		[
			"their share where some had expired before, and the sum is right",
			{
				deleted: 5,
				expired: 5,
				verdicts: new Map([
					["no-dnat/17", 3],
					["other-pod/17", 3],
					["other-port/17", 4],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="deleted"} 5',
				'entries_total{outcome="gone"} 5',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 3',
				'stale_entries_total{reason="other-pod",protocol="udp"} 3',
				'stale_entries_total{reason="other-port",protocol="udp"} 4',
				'removed_total{reason="no-dnat",protocol="udp"} 2',
				'removed_total{reason="other-pod",protocol="udp"} 1',
				'removed_total{reason="other-port",protocol="udp"} 2',
			],
		],
		[
			"stale entries, by reason and protocol",
			{
				verdicts: new Map([
					["no-dnat/17", 2],
					["other-pod/132", 1],
					["other-pod/6", 3],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'stale_entries_total{reason="no-dnat",protocol="udp"} 2',
				'stale_entries_total{reason="other-pod",protocol="sctp"} 1',
				'stale_entries_total{reason="other-pod",protocol="tcp"} 3',
			],
		],
		[
			"removals that the kernel refused, by errno",
			{
				failed: new Map([
					[16, 2],
					[999, 1],
				]),
			},
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'entries_total{outcome="refused"} 3',
				'failures_total{cause="EBUSY"} 2',
				'failures_total{cause="errno 999"} 1',
			],
		],
		[
			"a failure of the kernel",
			{ error: new NetlinkError("dump", 1, undefined) },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="EPERM"} 1',
			],
		],
		[
			"a failure of the system",
			{ error: sysError("ENOBUFS", "recvmsg") },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="ENOBUFS"} 1',
			],
		],
		[
			"a failure of another kind, by its name",
			{ error: new RangeError("x") },
			[
				'flushes_total{event="ADD",how="scan"} 1',
				'failures_total{cause="RangeError"} 1',
			],
		],
	])("%s", (_, change, want) => {
		expect(counts(change)).toEqual(want);
	});

	test("removals are told apart by what caused them too", () => {
		const verdicts = new Map([["no-dnat/17", 2]]);
		const totals = collected("ADD", { deleted: 1, retired: 1, verdicts });
		expect([...totals.removals]).toEqual([["ADD\nno-dnat\nudp", 2]]);
	});

	test("a duration, to the microsecond", () => {
		const totals = collected("DEL", { ms: 0.1234567 }, { ms: 0.25 });
		expect(totals.durations.get("DEL")?.sum).toBeCloseTo(0.000373, 9);
	});
});

test("what an alert asks for exists from the beginning, so that a first one is an increase", () => {
	const text = metricsText(noTotals(), GAUGES);
	for (const sample of [
		'flushes_total{event="ADD",how="scan"} 0',
		'flushes_total{event="DEL",how="kernel-flush"} 0',
		'flushes_total{event="reconcile",how="nothing"} 0',
		'entries_total{outcome="refused"} 0',
		'stale_entries_total{reason="other-pod",protocol="udp"} 0',
		'removed_total{reason="dead-pod",protocol="udp"} 0',
		'failures_total{cause="EPERM"} 0',
		'failures_total{cause="DeadlineError"} 0',
		'duration_seconds_bucket{event="DEL",le="2.5"} 0',
		'duration_seconds_bucket{event="DEL",le="+Inf"} 0',
		'duration_seconds_count{event="ADD"} 0',
	])
		expect(text).toContain(`conntrack_flush_${sample}\n`);
});

test("a first failure adds to a sample that is there", () => {
	const before = [...noTotals().failures.keys()];
	for (const error of [
		new NetlinkError("dump", 1, undefined),
		sysError("ENOBUFS", "recvmsg"),
		new DeadlineError(),
		new DecodeError("too short"),
	])
		expect([...collected("ADD", { error }).failures.keys()]).toEqual(before);
});

describe("adding the text of a spool", () => {
	test.each<[name: string, text: string, want: number]>([
		["an empty spool", "", 0],
		["a line that is cut", spooled({ deleted: 1 }).slice(0, -4), 0],
		["a line of another version", '["ADD","scan",1]\n', 0],
		["what is no line of ours", '{"length":10}\nnull\n12\n"text"\n', 0],
		["numbers that are none", '["ADD","scan",1,"9",0,0,0,{},{},null]\n', 0],
		["counts below zero", '["ADD","scan",1,-9,0,0,0,{},{},null]\n', 0],
		[
			"rubbish between good lines",
			`${spooled({ deleted: 1 })}\0\0\n${spooled({ deleted: 2 })}`,
			3,
		],
	])("%s", (_, text, want) => {
		const totals = noTotals();
		addLines(totals, text);
		expect(totals.entries.get("deleted")).toBe(want);
	});
});
