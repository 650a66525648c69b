// Counting, removing, retiring and kernel flushes, over a kernel in memory. Passes over the
// table are in scan.test.ts.

import { describe, expect, test } from "vitest";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import { NetlinkError } from "../../../../src/netlink/nl.ts";
import {
	type EntrySpec,
	entry,
	errorMessage,
} from "../../../support/entries.ts";
import { attributesOf } from "../../../support/fakekernel.ts";
import { fault } from "../../../support/unit/exchanges.ts";
import { DELETE, flows, NEW, setUp } from "../../../support/unit/tables.ts";

const keysOf = (specs: readonly EntrySpec[]) => specs.map((s) => entry(s).key);
const targetsOf = (specs: readonly EntrySpec[]) =>
	specs.map((s) => ({ key: entry(s).key, status: entry(s).status }));
const counts = (failed: Map<number, number>) => Object.fromEntries(failed);

describe("remove", () => {
	test("deletes exactly the entries of the keys", async () => {
		const entries = flows(5);
		const { kernel, table } = setUp({ entries });
		const outcome = await table.remove(keysOf(entries.slice(1, 3)));
		expect(outcome).toMatchObject({ done: 2, expired: 0 });
		expect(kernel.left()).toEqual([1000, 1003, 1004]);
	});

	test.each([
		[0, []],
		[1, [1]],
		[200, [200]],
		[201, [200, 1]],
		[450, [200, 200, 50]],
	])(
		"%i entries in batches of %j, each with one acknowledgement",
		async (n, want) => {
			const entries = flows(n);
			const { kernel, table } = setUp({ entries });
			expect(await table.remove(keysOf(entries))).toMatchObject({ done: n });
			expect(kernel.batches).toEqual(want);
			const acked = kernel.requests
				.map((r, i) => (r.flags & 4 ? i + 1 : 0))
				.filter((i) => i > 0);
			const ends = want.map((_, i) =>
				want.slice(0, i + 1).reduce((a, b) => a + b),
			);
			expect(acked).toEqual(ends);
			expect(kernel.left()).toEqual([]);
		},
	);

	test.each([
		["IPv4", "192.0.2.7", "203.0.113.1"],
		["IPv6", "[fd07::7]", "[fd03::1]"],
	])("a batch of 200 of %s fits", async (_, c, h) => {
		const entries = Array.from({ length: 200 }, (_, i) => ({
			orig: `${c}:${i} > ${h}:53`,
			zone: 7,
			id: i + 1,
		}));
		const { kernel, table } = setUp({ entries });
		expect(await table.remove(keysOf(entries))).toMatchObject({ done: 200 });
		expect(await table.retire(targetsOf(entries), 2)).toMatchObject({
			expired: 200,
		});
		expect(kernel.left()).toEqual([]);
	});

	test("counts apart what had expired and what the kernel refused", async () => {
		const entries = flows(6);
		const { table } = setUp({
			entries: entries.slice(0, 2),
			answer: (r) => {
				const id = attributesOf(r.payload.subarray(4)).get(12)?.[3] ?? 0;
				const errno = new Map([
					[1004 & 0xff, 16],
					[1005 & 0xff, 1],
				]).get(id);
				return (errno && [errorMessage(errno, r.seq)]) || undefined;
			},
		});
		const outcome = await table.remove(keysOf(entries));
		expect([outcome.done, outcome.expired]).toEqual([2, 2]);
		expect(counts(outcome.failed)).toEqual({ 16: 1, 1: 1 });
	});

	test("an entry that was made anew towards another pod stays", async () => {
		const [old] = flows(1);
		const anew = flows(1, { reply: "10.88.0.2:5353 > 192.0.2.7:10000" });
		const { kernel, table } = setUp({ entries: anew });
		expect(await table.remove(keysOf(old ? [old] : []))).toMatchObject({
			done: 0,
			expired: 1,
		});
		expect(kernel.left()).toEqual([1000]);
	});

	test("after lost answers what was deleted meanwhile counts as expired, not as failed", async () => {
		const entries = flows(3);
		let lost = false;
		const { kernel, table } = setUp({
			entries,
			answer: (r) => {
				if (lost || !(r.flags & 4)) return undefined;
				lost = true;
				kernel.usual(r);
				return ["ENOBUFS"];
			},
		});
		const { done, expired, failed } = await table.remove(keysOf(entries));
		expect([done + expired, failed.size]).toEqual([3, 0]);
		expect(kernel.left()).toEqual([]);
	});
});

describe("retire", () => {
	test("gives every entry its last timeout, and deletes none", async () => {
		const entries = flows(201);
		const { kernel, table } = setUp({ entries });
		expect(await table.retire(targetsOf(entries), 7)).toMatchObject({
			done: 201,
			expired: 0,
		});
		expect(kernel.batches).toEqual([200, 1]);
		expect(kernel.left()).toHaveLength(201);
		expect([...kernel.retired.values()]).toEqual(new Array(201).fill(7));
		expect(
			kernel.requests.every((r) => r.type === NEW && (r.flags & 0x400) === 0),
		).toBe(true);
	});

	test("an entry that was answered since is tried again with the bits that it has got", async () => {
		const answered = flows(2, { status: ["DST_NAT", "SEEN_REPLY", "ASSURED"] });
		const [one] = answered;
		const { kernel, table } = setUp({
			entries: [...answered, ...flows(4).slice(2)],
		});
		const stale = targetsOf(flows(4));
		expect(await table.retire(stale, 2)).toMatchObject({ done: 4, expired: 0 });
		expect(kernel.batches).toEqual([4, 2]);
		expect(one && kernel.retired.get(one.id ?? 0)).toBe(2);
	});

	test("one that is still busy then is a failure", async () => {
		const { table, kernel } = setUp({
			answer: ({ seq }) => [errorMessage(16, seq)],
		});
		const outcome = await table.retire(targetsOf(flows(1)), 2);
		expect([outcome.done, outcome.expired]).toEqual([0, 0]);
		expect(counts(outcome.failed)).toEqual({ 16: 1 });
		expect(kernel.batches).toEqual([1, 1]);
	});

	test("one that was retired before, or has ended, counts as expired", async () => {
		const entries = flows(2);
		const { table } = setUp({ entries: entries.slice(0, 1) });
		await table.retire(targetsOf(entries), 2);
		expect(await table.retire(targetsOf(entries), 2)).toMatchObject({
			done: 0,
			expired: 2,
		});
	});
});

describe("kernelFlush", () => {
	const FILTER = {
		proto: IPPROTO_UDP,
		origDport: 8125,
		origDst: undefined,
		replySrc: "10.88.0.9",
		replySport: 5353,
	} as const;
	test.each([
		["done", 0, true],
		["EINVAL: not known", 22, false],
		["EOPNOTSUPP: not known", 95, false],
	])("%s", async (_, errno, want) => {
		const { table, kernel } = setUp({
			answer: ({ seq }) => [errorMessage(errno, seq)],
		});
		expect(await table.kernelFlush(FILTER)).toBe(want);
		expect(kernel.requests.map((r) => [r.type, r.flags])).toEqual([
			[DELETE, 5],
		]);
	});

	test.each([1, 2, 16])("errno %i is thrown", async (errno) => {
		const { table } = setUp({
			answer: ({ seq }) => [errorMessage(errno, seq)],
		});
		const e = await fault(table.kernelFlush(FILTER));
		expect(e).toBeInstanceOf(NetlinkError);
		expect(e).toMatchObject({ errno });
	});

	test("a kernel that does not know the filter deletes nothing", async () => {
		const { table, kernel } = setUp({ entries: flows(3) });
		expect(await table.kernelFlush(FILTER)).toBe(false);
		expect(kernel.left()).toHaveLength(3);
	});
});
