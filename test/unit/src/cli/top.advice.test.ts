// What `top` says about a table.

import { describe, expect, test } from "vitest";
import { observationsOn } from "../../../../src/cli/top.advice.ts";
import type { Rankings } from "../../../../src/cli/top.tables.ts";

const ROOM = { entries: 1000, max: 100_000 };
const NOTHING: Rankings = {
	entries: 1000,
	protocol: { rows: [], missing: 0 },
	source: { rows: [], missing: 0 },
	destination: { rows: [], missing: 0 },
	pod: { rows: [], missing: 0 },
};
const source = (entries: number) => ({
	source: { rows: [{ ip: "192.0.2.7", entries }], missing: 0 },
});
const destination = (proto: number, ip: string, port: number) => ({
	destination: { rows: [{ proto, ip, port, entries: 500 }], missing: 0 },
});
const state = (proto: string, name: string, entries = 500) => ({
	protocol: { rows: [{ proto, state: name, entries }], missing: 0 },
});

describe("says", () => {
	test.each<[string, Partial<Rankings>, string, string | undefined]>([
		[
			"which source has more than a third",
			source(334),
			"192.0.2.7 began 33.4 % of the entries",
			"conntrack-flush list --all --from 192.0.2.7",
		],
		[
			"which destination has more than a third",
			destination(17, "10.96.0.10", 53),
			"50.0 % of the entries came to udp 10.96.0.10:53",
			"conntrack-flush list --all --proto udp --to 10.96.0.10:53",
		],
		[
			"an IPv6 destination as list takes it",
			destination(6, "fd00::1", 443),
			"came to tcp [fd00::1]:443",
			"conntrack-flush list --all --proto tcp --to [fd00::1]:443",
		],
		[
			"a destination without a port",
			destination(1, "10.96.0.10", 0),
			"came to icmp 10.96.0.10",
			"conntrack-flush list --all --proto icmp --to 10.96.0.10",
		],
		[
			"that UDP is not answered",
			state("udp", "UNREPLIED"),
			"never saw an answer",
			"conntrack-flush list --stale",
		],
		[
			"that connections are not answered",
			state("tcp", "SYN_SENT"),
			"nobody is there",
			"conntrack-flush sweep --dry-run --all",
		],
		[
			"that handshakes do not end",
			state("tcp", "SYN_RECV"),
			"a flood of SYNs",
			undefined,
		],
		[
			"that connections are short",
			state("tcp", "TIME_WAIT"),
			"many short connections",
			undefined,
		],
	])("%s", (_, found, words, command) => {
		const observations = observationsOn(ROOM, { ...NOTHING, ...found });
		expect(observations).toHaveLength(1);
		expect(observations[0]?.words).toContain(words);
		expect(observations[0]?.command).toBe(command);
	});

	test("first that the table is nearly full", () => {
		const observations = observationsOn(
			{ entries: 1000, max: 1000 },
			{ ...NOTHING, ...source(900) },
		);
		expect(observations.map(({ words }) => words.slice(0, 25))).toEqual([
			"the table is nearly full;",
			"192.0.2.7 began 90.0 % of",
		]);
	});
});

test.each<[string, Partial<Rankings>]>([
	["a share of a third", { ...source(333) }],
	["a state that is as it should be", state("tcp", "ESTABLISHED", 999)],
	["a large share of a few entries", { ...source(400), entries: 499 }],
])("says nothing about %s", (_, found) =>
	expect(observationsOn(ROOM, { ...NOTHING, ...found })).toEqual([]),
);
