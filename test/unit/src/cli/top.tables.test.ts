// The tables of `top`, and the same as data.

import { describe, expect, test } from "vitest";
import {
	type By,
	destinationInWords,
	printRankings,
	type Rankings,
	rankingsAsData,
	rankingsOf,
	shareOf,
} from "../../../../src/cli/top.tables.ts";
import {
	Census,
	NO_STATE,
	STATES_EACH,
} from "../../../../src/conntrack/census.ts";
import { ipBytes } from "../../../../src/net/ip.ts";
import { halfAt } from "../../../../src/netlink/nl.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const EVERY: readonly By[] = ["protocol", "source", "destination", "pod"];

/** Returns a census with these entries of UDP by source, each to port 53 of one address. */
function census(counts: Readonly<Record<string, number>>): Census {
	const taken = new Census({
		family: undefined,
		protos: undefined,
		groups: [{ name: "ns/pod", ips: ["10.88.0.2", "fd88::2"] }],
	});
	for (const [ip, n] of Object.entries(counts)) {
		const v4 = !ip.includes(":");
		const to = v4 ? "10.96.0.10" : "fd96::10";
		const bytes = Uint8Array.from(
			[ip, to].flatMap((text) => [...ipBytes(text)]),
		);
		const words = bytes.length / 8;
		const tail = (17 << 16) | halfAt(Uint8Array.of(0, 53), 0);
		const row = [0, 0, words, tail, words];
		for (let i = 0; i < n; i++) {
			(v4 ? taken.met.v4 : taken.met.v6).set(row);
			if (v4) taken.met.n4 = 1;
			else taken.met.n6 = 1;
			taken.settle(new Int32Array(bytes.buffer));
		}
	}
	return taken;
}

describe("the rows", () => {
	const taken = census({
		"192.0.2.7": 2,
		"10.88.0.2": 3,
		"fd88::2": 4,
		"fd07::7": 1,
	});
	for (const [proto, state, n] of [
		[17, 0, 7],
		[6, 3, 9],
		[6, NO_STATE, 1],
		[6, 11, 1],
		[1, 1, 2],
		[99, 2, 3],
	] as const)
		taken.states[STATES_EACH * proto + state] = n;
	const found = rankingsOf(taken, 3);

	test("are those with the most entries, of both families", () => {
		expect(found.entries).toBe(10);
		expect(found.source.rows).toEqual([
			{ ip: "fd88::2", entries: 4 },
			{ ip: "10.88.0.2", entries: 3 },
			{ ip: "192.0.2.7", entries: 2 },
		]);
		expect(found.destination.rows).toEqual([
			{ proto: 17, ip: "10.96.0.10", port: 53, entries: 5 },
			{ proto: 17, ip: "fd96::10", port: 53, entries: 5 },
		]);
		expect(found.pod.rows).toEqual([
			{ name: "ns/pod", entries: 7, began: 7, leads: 0 },
		]);
	});

	test("have every protocol and state by name", () =>
		expect(
			found.protocol.rows.map(
				({ proto, state, entries }) => `${proto} ${state} ${entries}`,
			),
		).toEqual([
			"tcp ESTABLISHED 9",
			"udp UNREPLIED 7",
			"99 ASSURED 3",
			"icmp REPLIED 2",
			"tcp STATE 11 1",
			"tcp OFFLOADED 1",
		]));
});

test("of too many sources, those are left out that may have less than others", () => {
	const taken = census({});
	const memory = new Int32Array(40_000);
	for (const [i] of memory.entries()) memory[i] = i < 20_000 ? i : 7;
	const step = 500;
	for (let from = 0; from < memory.length; from += step) {
		for (let i = 0; i < step; i++)
			taken.met.v4.set([from + i, 0, 0, 0, 0], 5 * i);
		taken.met.n4 = step;
		taken.settle(memory);
	}
	const { rows, missing } = rankingsOf(taken, 10).source;
	expect(missing).toBeGreaterThan(0);
	expect(rows).toHaveLength(1);
	expect(rows[0]?.entries).toBeGreaterThanOrEqual(20_000 - missing);
});

const FOUND: Rankings = {
	entries: 1000,
	protocol: {
		rows: [{ proto: "udp", state: "UNREPLIED", entries: 1000 }],
		missing: 0,
	},
	source: {
		rows: [
			{ ip: "192.0.2.7", entries: 900 },
			{ ip: "fd07::7", entries: 5 },
		],
		missing: 12,
	},
	destination: {
		rows: [{ proto: 17, ip: "10.96.0.10", port: 53, entries: 1000 }],
		missing: 0,
	},
	pod: {
		rows: [{ name: "ns/pod", entries: 20, began: 19, leads: 1 }],
		missing: 0,
	},
};

function printed(found: Rankings, ...by: By[]): string {
	const host = fakeHost();
	printRankings(host, found, by);
	return host.written(1);
}

describe("is printed", () => {
	test("as tables with right-aligned numbers, and the bound of the error where there is one", () =>
		expect(printed(FOUND, ...EVERY)).toBe(`
ENTRIES    SHARE  PROTO  STATE
   1000  100.0 %  udp    UNREPLIED

ENTRIES   SHARE  SOURCE
    900  90.0 %  192.0.2.7
      5   0.5 %  fd07::7
at least: there are too many sources to count each of them, and each may have up to 12 more

ENTRIES    SHARE  DESTINATION
   1000  100.0 %  udp 10.96.0.10:53

ENTRIES  SHARE  BEGUN BY IT  LEADS TO IT  POD
     20  2.0 %           19            1  ns/pod
`));

	test("one of them", () =>
		expect(printed(FOUND, "pod")).toMatch(/^\nENTRIES .* POD\n.*\n$/));

	test("in words where there is no row that is certain", () =>
		expect(
			printed({ ...FOUND, source: { rows: [], missing: 7 } }, "source"),
		).toBe(
			"\nthere are too many sources to count each of them, and none has more than 14 entries\n",
		));

	test("without a table that has no rows", () => {
		const none = { ...FOUND, pod: { rows: [], missing: 0 } };
		expect(printed(none, "pod")).toBe("");
	});
});

test("as data, with protocols by name", () => {
	expect(rankingsAsData(FOUND, EVERY)).toEqual({
		protocols: FOUND.protocol.rows,
		sources: FOUND.source.rows,
		sourcesMissing: 12,
		destinations: [{ proto: "udp", ip: "10.96.0.10", port: 53, entries: 1000 }],
		destinationsMissing: 0,
		pods: FOUND.pod.rows,
	});
	expect(Object.keys(rankingsAsData(FOUND, ["pod"]))).toEqual(["pods"]);
});

test("a destination without a port is its address", () =>
	expect(
		destinationInWords({ proto: 50, ip: "10.96.0.10", port: 0, entries: 1 }),
	).toBe("esp 10.96.0.10"));

test("a share has one decimal", () => expect(shareOf(1, 3)).toBe("33.3 %"));
