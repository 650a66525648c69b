// The counters of each CPU: the request, and the answers as kernels send them.

import { describe, expect, test } from "vitest";
import {
	COUNTERS,
	type CPUCounters,
	getCPUCounters,
	readCPUCounters,
} from "../../../../src/conntrack/counters.ts";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import { concat, message, nfgenmsg, toHex } from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";
import {
	cpuMessage,
	GET_STATS_CPU,
	parse,
} from "../../../support/unit/tables.ts";

const zero = Object.fromEntries(
	COUNTERS.filter((name) => name !== "searched").map((name) => [name, 0]),
);
const read = (bytes: Uint8Array): CPUCounters => parse(bytes, readCPUCounters);

test("the request asks for every CPU", () => {
	const w = new Writer();
	getCPUCounters(w, 7);
	expect(toHex(w.bytes())).toBe(
		toHex(message({ type: GET_STATS_CPU, flags: 0x301, seq: 7 }, nfgenmsg(0))),
	);
});

describe("what Linux 6.18 sent", () => {
	test("the counters of each CPU", () => {
		const cpus = readRecorded("stats.hex").filter(({ name }) => name === "cpu");
		expect(cpus.map((r) => read(r.message))).toEqual([
			{ cpu: 0, counters: zero },
			{ cpu: 1, counters: { ...zero, insert: 1 } },
		]);
	});
});

describe("decoding", () => {
	test("each counter has its own attribute, whatever their order", () => {
		const types = [15, 14, 13, 12, 11, 10, 9, 8, 4, 2, 1];
		const words = types.map((type) => [type, 100 + type] as const);
		expect(read(cpuMessage(1, 258, ...words))).toEqual({
			cpu: 258,
			counters: {
				searched: 101,
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
		const sent = cpuMessage(1, 0, [9, 2], [3, 9], [16, 9], [99, 9]);
		expect(read(sent).counters).toEqual({ insert_failed: 2 });
	});

	test("the largest number of 32 bits stays one", () => {
		const sent = cpuMessage(1, 0, [10, 0xffffffff]);
		expect(read(sent).counters.drop).toBe(4294967295);
	});

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
		expect(() => read(bytes)).toThrow(DecodeError),
	);
});
