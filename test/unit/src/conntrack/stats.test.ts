// Statistics over ctnetlink: read, summed, and compared with an earlier reading.

import { describe, expect, test } from "vitest";
import type { CPUCounters } from "../../../../src/conntrack/counters.ts";
import {
	difference,
	fillOf,
	isNearlyFull,
	readStatistics,
	sum,
} from "../../../../src/conntrack/stats.ts";
import {
	concat,
	doneMessage,
	errorMessage,
	toHex,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
	type Request,
} from "../../../support/fakekernel.ts";
import { fault } from "../../../support/unit/exchanges.ts";
import {
	cpuMessage,
	fillMessage,
	GET_STATS,
	GET_STATS_CPU,
} from "../../../support/unit/tables.ts";

describe("a reading", () => {
	const setUp = (options: FakeKernelOptions) => {
		const kernel = fakeKernel(options);
		return { kernel, host: fakeHost({ netlink: kernel.netlink }) };
	};
	const answer = ({ type, seq }: Request) =>
		type === GET_STATS
			? [fillMessage(seq, 3, 10)]
			: [
					concat(cpuMessage(seq, 1, [8, 1], [9, 2])),
					cpuMessage(seq, 0, [8, 10]),
					doneMessage(seq),
				];

	test("has the fill, the CPUs in order, and their sum", async () => {
		const { host, kernel } = setUp({ answer });
		expect(await readStatistics(host)).toEqual({
			entries: 3,
			max: 10,
			cpus: [
				{ cpu: 0, counters: { insert: 10 } },
				{ cpu: 1, counters: { insert: 1, insert_failed: 2 } },
			],
			total: { insert: 11, insert_failed: 2 },
		});
		expect(kernel.open()).toBe(0);
		const sent = kernel.requests.map((r) => [
			r.protocol,
			r.type,
			r.flags,
			toHex(r.payload),
		]);
		expect(sent).toEqual([
			[12, GET_STATS, 0x001, "00000000"],
			[12, GET_STATS_CPU, 0x301, "00000000"],
		]);
	});

	test("counts a CPU once where the kernel made the dump start again", async () => {
		const { host } = setUp({
			answer: (r) =>
				r.type === GET_STATS_CPU && r.nth === 0
					? [cpuMessage(r.seq, 0, [8, 5]), "ENOBUFS"]
					: answer(r),
		});
		expect((await readStatistics(host)).total).toEqual({
			insert: 11,
			insert_failed: 2,
		});
	});

	test.each([
		["without the capability", 1, "EPERM"],
		["without ctnetlink", 22, "EINVAL"],
	])("fails %s, and leaves no socket", async (_, errno, text) => {
		for (const refused of [GET_STATS, GET_STATS_CPU]) {
			const { host, kernel } = setUp({
				answer: (r) =>
					r.type === refused ? [errorMessage(errno, r.seq)] : answer(r),
			});
			expect(String(await fault(readStatistics(host)))).toContain(text);
			expect(kernel.open()).toBe(0);
		}
	});
});

describe("between two readings", () => {
	const cpu = (n: number, counters: CPUCounters["counters"]): CPUCounters => ({
		cpu: n,
		counters,
	});
	test.each<[string, CPUCounters[], CPUCounters[], CPUCounters["counters"]]>([
		[
			"what was counted",
			[cpu(0, { drop: 5 })],
			[cpu(0, { drop: 7 })],
			{ drop: 2 },
		],
		[
			"of all CPUs",
			[cpu(0, { drop: 5 }), cpu(1, { drop: 1 })],
			[cpu(0, { drop: 7 }), cpu(1, { drop: 4 })],
			{ drop: 5 },
		],
		[
			"over the end of 32 bits",
			[cpu(0, { drop: 0xffffffff })],
			[cpu(0, { drop: 3 })],
			{ drop: 4 },
		],
		[
			"nothing of a CPU that came",
			[cpu(0, { drop: 1 })],
			[cpu(0, { drop: 1 }), cpu(1, { drop: 9 })],
			{ drop: 0 },
		],
		["nothing without CPUs", [], [cpu(0, { drop: 1 })], {}],
	])("%s", (_, before, now, want) =>
		expect(sum(difference(before, now))).toEqual(want),
	);
});

describe("the fill", () => {
	test.each([
		[79, 100, false],
		[80, 100, true],
		[100, 100, true],
		[7, 0, false], // a kernel that tells no limit
	])("%i of %i entries is nearly full: %s", (entries, max, want) =>
		expect(isNearlyFull({ entries, max })).toBe(want),
	);

	test.each<[number, number, string | undefined, string]>([
		[1523, 262144, "entries", "1523 of 262144 entries (0.6 %)"],
		[1523, 262144, undefined, "1523 of 262144 (0.6 %)"],
		[7, 0, "entries", "7 entries"],
		[7, 0, undefined, "7"],
	])("%i of %i, said of %s: %s", (entries, max, what, want) =>
		expect(fillOf({ entries, max }, what)).toBe(want),
	);
});
