// The agent's metrics, as Prometheus reads them.

import { describe, expect, test } from "vitest";
import { metricsText } from "../../../../src/metrics/text.ts";
import { addLines, noTotals } from "../../../../src/metrics/totals.ts";
import { collected, GAUGES } from "../../../support/unit/spooling.ts";

describe("the text", () => {
	test("has durations in buckets that add up, by event", () => {
		const reports = [0, 1, 3, 7000].map((ms) => ({ ms }));
		const totals = collected("GC", ...reports);
		const text = metricsText(totals, GAUGES);
		const values = text
			.split("\n")
			.filter((line) => /^conntrack_flush_duration\w+{event="GC"/.test(line))
			.map((line) => line.replace("conntrack_flush_duration_seconds", ""));
		expect(values.slice(0, 4)).toEqual([
			'_bucket{event="GC",le="0.001"} 2',
			'_bucket{event="GC",le="0.0025"} 2',
			'_bucket{event="GC",le="0.005"} 3',
			'_bucket{event="GC",le="0.01"} 3',
		]);
		expect(values.slice(-4)).toEqual([
			'_bucket{event="GC",le="5"} 3',
			'_bucket{event="GC",le="+Inf"} 4',
			'_sum{event="GC"} 7.004',
			'_count{event="GC"} 4',
		]);
	});

	test("escapes what a label may not hold", () => {
		const totals = noTotals();
		addLines(totals, '["a\\"b\\\\c","scan",1,0,0,0,0,{},{},null]\n');
		expect(metricsText(totals, GAUGES)).toContain('event="a\\"b\\\\c"');
	});

	test("leaves out what is not known, and says so", () => {
		const text = metricsText(noTotals(), GAUGES);
		expect(text).toContain("conntrack_flush_ctnetlink_available 0\n");
		expect(text).not.toContain("conntrack_entries");
		expect(text).not.toContain("attachments");
	});

	test("has the kernel's own counters where it tells them", () => {
		const text = metricsText(noTotals(), {
			...GAUGES,
			attachments: 4,
			statistics: { entries: 5, max: 9, cpus: [], total: { insert_failed: 2 } },
		});
		expect(text).toContain("conntrack_flush_attachments 4\n");
		expect(text).toContain("\nconntrack_entries 5\n");
		expect(text).toContain("\nconntrack_insert_failed_total 2\n");
		expect(text.endsWith("\n")).toBe(true);
	});
});
