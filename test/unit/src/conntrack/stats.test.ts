// Statistics over ctnetlink: read from what a kernel sent, summed, and compared
// with an earlier reading.

import { describe, expect, test } from "vitest";
import {
	COUNTERS,
	type CPUCounters,
	readCPUCounters,
} from "../../../../src/conntrack/counters.ts";
import { readFill } from "../../../../src/conntrack/messages.ts";
import {
	difference,
	readStatistics,
	sum,
} from "../../../../src/conntrack/stats.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	attr,
	be32,
	concat,
	doneMessage,
	errorMessage,
	message,
	nfgenmsg,
	toHex,
} from "../../../support/entries.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
	type Request,
} from "../../../support/fakekernel.ts";
import { fault } from "../../../support/unit/exchanges.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";

const GET_STATS = 0x0105;
const GET_STATS_CPU = 0x0104;

function parse<T>(
	bytes: Uint8Array,
	read: (b: RecvBuffer, m: ReturnType<typeof messageAt>) => T,
): T {
	const b = new RecvBuffer(4096);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	return read(b, messageAt(b, 0, bytes.length));
}

const zero = Object.fromEntries(COUNTERS.map((name) => [name, 0]));
const cpuMessage = (
	seq: number,
	cpu: number,
	...words: readonly (readonly [type: number, value: number])[]
): Uint8Array =>
	message(
		{ type: GET_STATS_CPU, flags: 2, seq },
		Uint8Array.of(0, 0, cpu >> 8, cpu & 0xff),
		...words.map(([type, value]) => attr(type, be32(value))),
	);
const fillMessage = (seq: number, ...values: readonly number[]): Uint8Array =>
	message(
		{ type: GET_STATS, seq },
		nfgenmsg(0),
		...values.map((value, i) => attr(i + 1, be32(value))),
	);

describe("what Linux 6.18 sent", () => {
	const recorded = readRecorded("stats.hex");
	test("the fill", () => {
		const [first] = recorded.filter(({ name }) => name === "fill");
		expect(parse(first?.message ?? new Uint8Array(), readFill)).toEqual({
			entries: 1,
			max: 262144,
		});
	});

	test("the counters of each CPU", () => {
		const cpus = recorded.filter(({ name }) => name === "cpu");
		expect(cpus.map((r) => parse(r.message, readCPUCounters))).toEqual([
			{ cpu: 0, counters: zero },
			{ cpu: 1, counters: { ...zero, insert: 1 } },
		]);
	});
});

describe("decoding", () => {
	test("each counter has its own attribute, whatever their order", () => {
		const types = [15, 14, 13, 12, 11, 10, 9, 8, 4, 2];
		const words = types.map((type) => [type, 100 + type] as const);
		expect(parse(cpuMessage(1, 258, ...words), readCPUCounters)).toEqual({
			cpu: 258,
			counters: {
				found: 102,
				invalid: 104,
				insert: 108,
				insert_failed: 109,
				drop: 110,
				early_drop: 111,
				error: 112,
				search_restart: 113,
				clash_resolve: 114,
				chain_toolong: 115,
			},
		});
	});

	test("what a kernel does not know is absent and not 0; what we do not know is passed over", () => {
		const sent = cpuMessage(1, 0, [1, 9], [9, 2], [3, 9], [16, 9], [99, 9]);
		expect(parse(sent, readCPUCounters).counters).toEqual({ insert_failed: 2 });
	});

	test("the largest number of 32 bits stays one", () => {
		const sent = cpuMessage(1, 0, [10, 0xffffffff]);
		expect(parse(sent, readCPUCounters).counters.drop).toBe(4294967295);
	});

	test("a kernel that does not tell the largest number of entries", () =>
		expect(parse(fillMessage(1, 7), readFill)).toEqual({ entries: 7, max: 0 }));

	test.each<[string, Uint8Array]>([
		["no entries", fillMessage(1)],
		[
			"entries of another length",
			message({ type: GET_STATS }, nfgenmsg(0), attr(1, new Uint8Array(8))),
		],
		["no header", message({ type: GET_STATS })],
	])("refuses %s", (_, bytes) =>
		expect(() => parse(bytes, readFill)).toThrow(DecodeError),
	);

	test.each<[string, Uint8Array]>([
		["no header", message({ type: GET_STATS_CPU })],
		[
			"an attribute that is cut",
			message(
				{ type: GET_STATS_CPU },
				concat(nfgenmsg(0), Uint8Array.of(8, 0, 2, 0, 0, 0)),
			),
		],
	])("refuses %s", (_, bytes) =>
		expect(() => parse(bytes, readCPUCounters)).toThrow(DecodeError),
	);
});

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
