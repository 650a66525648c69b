// What a census makes of the entries that were met.

import { expect, test } from "vitest";
import {
	BEGAN,
	CAME,
	Census,
	COLUMNS,
	LEADS,
} from "../../../../src/conntrack/census.ts";
import { ipBytes, ipOf } from "../../../../src/net/ip.ts";

/** Notes one entry by its addresses. */
function meet(
	census: Census,
	memory: Int32Array,
	at: number,
	...ips: readonly [string, string, string]
): void {
	const bytes = ips.flatMap((ip) => [...ipBytes(ip)]);
	const words = new Int32Array(Uint8Array.from(bytes).buffer);
	memory.set(words, at);
	const v4 = words.length === 3;
	const rows = v4 ? census.met.v4 : census.met.v6;
	const row = COLUMNS * (v4 ? census.met.n4++ : census.met.n6++);
	const step = words.length / 3;
	rows[row + BEGAN] = at;
	rows[row + CAME] = at + step;
	rows[row + CAME + 1] = 65536 * 17 + 53;
	rows[row + LEADS] = at + 2 * step;
}

test("entries count by their addresses once they are settled, and only once", () => {
	const groups = [{ name: "pod", ips: ["10.88.0.2"] }];
	const census = new Census({ family: undefined, protos: undefined, groups });
	const memory = new Int32Array(99);
	meet(census, memory, 10, "192.0.2.7", "203.0.113.1", "10.88.0.2");
	meet(census, memory, 20, "192.0.2.7", "203.0.113.1", "10.88.0.9");
	meet(census, memory, 30, "fd07::7", "fd03::1", "fd88::2");
	expect(census.entries).toBe(0);
	census.settle(memory);
	census.settle(memory);
	expect(census.entries).toBe(3);
	const { sources, destinations } = census;
	const rows = [sources.v4, sources.v6, destinations.v4, destinations.v6].map(
		(counts) =>
			counts
				.top(9)
				.map(({ address, tail, count }) => [ipOf(address), tail, count]),
	);
	const tail = 65536 * 17 + 53;
	expect(rows).toEqual([
		[["192.0.2.7", 0, 2]],
		[["fd07::7", 0, 1]],
		[["203.0.113.1", tail, 2]],
		[["fd03::1", tail, 1]],
	]);
	expect(census.groups?.top(9)).toEqual([
		{ name: "pod", entries: 1, began: 0, leads: 1 },
	]);
});

test("without groups none is counted", () =>
	expect(
		new Census({ family: undefined, protos: undefined, groups: [] }).groups,
	).toBeUndefined());
