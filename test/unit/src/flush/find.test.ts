// How a flush finds entries: the way that it takes, what it removes, and what it counts.

import { describe, expect, test } from "vitest";
import type { Action } from "../../../../src/flush/search.ts";
import { AF_INET6 } from "../../../../src/net/ip.ts";
import {
	attr,
	be32,
	type EntrySpec,
	errorMessage,
	message,
	nfgenmsg,
} from "../../../support/entries.ts";
import {
	FILTER,
	GET,
	GET_STATS,
	healthy,
	judge,
	PORT,
	run,
} from "../../../support/unit/flushes.ts";
import { DELETE, flows } from "../../../support/unit/tables.ts";

describe("a flush", () => {
	test("of an empty table asks for the number of entries and no more", async () => {
		let prepared = 0;
		const { report, types } = await run(
			{},
			{
				prepare: () => {
					prepared++;
					return { ports: [PORT], judge };
				},
			},
		);
		expect(types).toEqual([GET_STATS]);
		expect(prepared).toBe(0);
		expect(report).toMatchObject({
			how: "nothing",
			deleted: 0,
			kept: 0,
			error: undefined,
		});
	});

	test("deletes what is judged, keeps and counts the rest", async () => {
		const { report, kernel } = await run({
			entries: [
				...flows(2),
				...healthy.map((f, i) => ({ ...f, id: i })),
				...flows(4, { proto: "tcp" }),
			],
		});
		expect(report).toMatchObject({
			deleted: 2,
			retired: 0,
			expired: 0,
			kept: 3,
			error: undefined,
		});
		expect(report.scanned).toEqual({ entries: 9, kept: 0, undecodable: 0 });
		expect(report.reasons).toEqual(new Map([["dead-pod", 2]]));
		expect(kernel.left()).toHaveLength(7);
	});

	test("that counts removes nothing", async () => {
		const { report, kernel, types } = await run(
			{ entries: flows(5) },
			{ action: "count" },
		);
		expect(report).toMatchObject({ deleted: 0, retired: 0 });
		expect(report.reasons).toEqual(new Map([["dead-pod", 5]]));
		expect(kernel.left()).toHaveLength(5);
		expect(types).toEqual([GET_STATS, GET]);
	});

	test("that retires deletes nothing", async () => {
		const { report, kernel, types } = await run(
			{ entries: flows(5) },
			{ action: { retireSeconds: 3 } },
		);
		expect(report).toMatchObject({ deleted: 0, retired: 5 });
		expect([...kernel.retired.values()]).toEqual([3, 3, 3, 3, 3]);
		expect(types).not.toContain(DELETE);
	});

	test("that retires deletes what a flowtable forwards: its time would never run out", async () => {
		const entries: EntrySpec[] = flows(5).map((flow, i) =>
			i % 2 === 0 ? { ...flow, status: ["DST_NAT", "OFFLOAD"] } : flow,
		);
		const { report, kernel } = await run(
			{ entries },
			{ action: { retireSeconds: 3 } },
		);
		expect(report).toMatchObject({ deleted: 3, retired: 2, expired: 0 });
		expect([...kernel.retired.keys()]).toEqual([1001, 1003]);
		expect(kernel.left()).toEqual([1001, 1003]);
	});

	test("that retires leaves what was retired before: its time must not begin anew", async () => {
		const entries: EntrySpec[] = flows(5).map((flow, i) =>
			i % 2 === 0 ? { ...flow, status: ["DST_NAT", "FIXED_TIMEOUT"] } : flow,
		);
		const { report, kernel } = await run(
			{ entries },
			{ action: { retireSeconds: 3 } },
		);
		expect(report).toMatchObject({ deleted: 0, retired: 2, expired: 3 });
		expect([...kernel.retired.keys()]).toEqual([1001, 1003]);
	});

	test("removes while it reads, so that what is stale need not fit in memory", async () => {
		const order: string[] = [];
		const { report, kernel } = await run(
			{
				entries: flows(1500),
				perDatagram: 100,
				answer: ({ type }) => {
					order.push(String(type));
					return undefined;
				},
			},
			{
				judge: (e) => {
					order.push("judge");
					return judge(e);
				},
			},
		);
		expect(report).toMatchObject({ deleted: 1500, expired: 0 });
		expect(kernel.left()).toEqual([]);
		expect(order.filter((what) => what === String(GET))).toHaveLength(1);
		const waiting = order.indexOf(String(DELETE)) - 2;
		expect(waiting).toBeLessThanOrEqual(1100);
		expect(order.lastIndexOf("judge")).toBeGreaterThan(1500);
	});

	test.each([true, false])(
		"judges anew what is stale, also the next of a kind, once the judge knows more (kinds: %s)",
		async (isCacheable) => {
			let asked = 0;
			let isOver = false;
			const { report, kernel } = await run(
				{ entries: flows(5) },
				{
					prepare: () => ({
						ports: [PORT],
						isCacheable,
						judge: (e) => (isOver ? undefined : judge(e)),
						refresh: () => {
							isOver ||= ++asked === 3;
							return isOver;
						},
					}),
				},
			);
			expect(report).toMatchObject({ deleted: 2, kept: 3 });
			expect(kernel.left()).toHaveLength(3);
		},
	);

	test("prepares once, before it judges, also for several dumps", async () => {
		const order: string[] = [];
		const entries = [...flows(2), { orig: "[fd07::7]:6000 > [fd03::1]:8125" }];
		await run(
			{ entries },
			{
				prepare: async ({ deadline }) => {
					order.push(`prepare ${deadline.left()}`);
					return {
						ports: [
							PORT,
							{ ...PORT, family: AF_INET6 },
							{ ...PORT, hostPort: 53 },
						],
						judge: (e) => {
							order.push(`judge ${e.family}`);
							return undefined;
						},
					};
				},
			},
		);
		expect(order[0]).toBe("prepare 5000");
		expect(order.slice(1).sort()).toEqual(["judge 10", "judge 2", "judge 2"]);
	});

	test("reports what the kernel refuses, by errno, and what had expired", async () => {
		const { report, error } = await run({
			entries: flows(5),
			answer: (r) =>
				r.type !== DELETE
					? undefined
					: [errorMessage(r.nth < 2 ? 16 : r.nth < 4 ? 2 : 1, r.seq)],
		});
		expect(error).toBeUndefined();
		expect(report).toMatchObject({ deleted: 0, expired: 2 });
		expect(report.failed).toEqual(
			new Map([
				[16, 2],
				[1, 1],
			]),
		);
	});

	test("measures its time by the monotonic clock", async () => {
		const { report, clock } = await run({ entries: flows(1), recvMs: 7 });
		expect(report.ms).toBe(clock.ms);
		expect(report.ms).toBeGreaterThan(14);
	});
});

describe("a pass that may be left for others who wait", () => {
	const STALE_FIRST = [
		...flows(50),
		...flows(1950, { reply: "10.88.0.2:5353 > 192.0.2.7:1" }),
	];
	/** Runs it on these entries, which the kernel says are `count`. Returns how often it was asked too. */
	async function leaving(
		isLeft: boolean,
		{ entries = STALE_FIRST, count = 40_000 } = {},
	) {
		let asked = 0;
		const leaves = (): boolean => {
			asked++;
			return isLeft;
		};
		const found = await run(
			{
				entries,
				answer: ({ type, seq }) =>
					type === GET_STATS
						? [message({ type, seq }, nfgenmsg(0), attr(1, be32(count)))]
						: undefined,
			},
			{ leaves },
		);
		return { ...found, asked };
	}

	test("ends at once, has removed nothing, and says so", async () => {
		const { report, kernel, asked, error } = await leaving(true);
		expect(error).toBeUndefined();
		expect(report).toMatchObject({ isLeft: true, deleted: 0 });
		expect(report.scanned.entries).toBeLessThan(800);
		expect(kernel.left()).toHaveLength(2000);
		expect(asked).toBe(1);
	});

	test("goes on to its end if nobody waits, and asks six times at its beginning", async () => {
		const entries = [...STALE_FIRST, ...STALE_FIRST.slice(50)];
		const { report, asked } = await leaving(false, { entries, count: 32_768 });
		expect(report).toMatchObject({ deleted: 50, kept: 3900 });
		expect(report.isLeft).toBeUndefined();
		expect(asked).toBe(6);
	});

	test.each([
		["something was removed", { entries: flows(2000) }],
		["the table is small", { count: 32_767 }],
	])("is not left if %s", async (_, options) => {
		const { report, kernel } = await leaving(true, options);
		expect(report.isLeft).toBeUndefined();
		expect(kernel.left().length).toBeLessThan(2000);
	});
});

describe("a flush in the kernel", () => {
	const flushes = (answer: (nth: number) => number) =>
		run(
			{
				entries: flows(3),
				answer: (r) =>
					r.type === DELETE && r.payload.length > 80
						? [errorMessage(answer(r.nth), r.seq)]
						: undefined,
			},
			{ filters: [FILTER] },
		);

	test("is one message, and no dump", async () => {
		const { report, types } = await flushes(() => 0);
		expect(types).toEqual([GET_STATS, DELETE, GET_STATS]);
		expect(report).toMatchObject({ how: "kernel-flush", error: undefined });
	});

	test.each([
		["EINVAL", 22],
		["EOPNOTSUPP", 95],
	])("that answers %s is done by a dump instead", async (_, errno) => {
		const { report, kernel, types } = await flushes(() => errno);
		expect(types.slice(0, 3)).toEqual([GET_STATS, DELETE, GET]);
		expect(report).toMatchObject({ deleted: 3, error: undefined });
		expect(report.how).not.toBe("kernel-flush");
		expect(kernel.left()).toEqual([]);
	});

	test("that is refused otherwise is an error", async () => {
		const { report, types } = await flushes(() => 1);
		expect(types).toEqual([GET_STATS, DELETE]);
		expect(String(report.error)).toContain("EPERM");
	});

	test.each<Action>([{ retireSeconds: 2 }, "count"])(
		"is not chosen for %j",
		async (action) => {
			const { types } = await run(
				{ entries: flows(3) },
				{ filters: [FILTER], action },
			);
			expect(types).not.toContain(DELETE);
			expect(types).toContain(GET);
		},
	);
});
