// The removals of a flush whose verdicts are looked at a second time before.

import { describe, expect, test } from "vitest";
import type { Removed } from "../../../../src/flush/search.ts";
import { healthy, run } from "../../../support/unit/flushes.ts";
import { flows } from "../../../support/unit/tables.ts";

describe("a flush whose verdicts need a confirmation", () => {
	const ports = (removals: readonly Removed[]) =>
		removals.map(({ example }) => example.orig.sport);
	const confirming = (stands: (r: Removed) => boolean) => {
		const seen: number[][] = [];
		let opened = 0;
		return {
			seen,
			times: () => opened,
			confirm: async () => {
				opened++;
				return async (removals: readonly Removed[]) => {
					seen.push(ports(removals));
					return removals.filter(stands);
				};
			},
		};
	};

	test("removes what stands, and keeps and counts the rest", async () => {
		const { confirm, times } = confirming(
			({ example }) => example.orig.sport === 10_001,
		);
		const told: number[] = [];
		const { report, kernel } = await run(
			{ entries: [...flows(3), ...healthy.map((f, i) => ({ ...f, id: i }))] },
			{ confirm, onRemoval: (e) => told.push(e.orig.sport) },
		);
		expect(report).toMatchObject({ deleted: 1, kept: 5, keptByRules: 2 });
		expect(report.reasons).toEqual(new Map([["dead-pod", 1]]));
		expect(kernel.left()).not.toContain(1001);
		expect(told).toEqual([10_001]);
		expect(times()).toBe(1);
	});

	test("opens none without a candidate", async () => {
		const { confirm, times } = confirming(() => true);
		await run({ entries: healthy }, { confirm });
		expect(times()).toBe(0);
	});

	test("has them in portions, and opens one confirmation", async () => {
		const { confirm, seen, times } = confirming(() => true);
		const { report } = await run(
			{ entries: flows(350), perDatagram: 60 },
			{ confirm },
		);
		expect(report.deleted).toBe(350);
		expect(Math.max(...seen.map((s) => s.length))).toBeLessThan(200);
		expect(times()).toBe(1);
	});

	test("that fails removes nothing of the portion", async () => {
		const { report, kernel } = await run(
			{ entries: flows(3) },
			{
				confirm: async () => () => Promise.reject(new Error("late")),
			},
		);
		expect(String(report.error)).toBe("Error: late");
		expect(report.deleted).toBe(0);
		expect(kernel.left()).toHaveLength(3);
	});

	test("and counts: those that stand are counted alone", async () => {
		const { confirm } = confirming(
			({ example }) => example.orig.sport === 10_001,
		);
		const { report, kernel } = await run(
			{ entries: flows(3) },
			{ confirm, action: "count" },
		);
		expect(report.reasons).toEqual(new Map([["dead-pod", 1]]));
		expect(kernel.left()).toHaveLength(3);
	});
});
