// Counts by key: exact while there is room, and then within the bound that is said.

import { describe, expect, test } from "vitest";
import { KeyCounts } from "../../../../src/conntrack/keycounts.ts";
import { type Random, random } from "../../../support/random.ts";

/** An address by its words, and a tail. */
type Key = readonly [words: readonly number[], tail: number];

/** Counts the keys one after another, some at a time, and returns what is found by the key's text. */
function counted(counts: KeyCounts, keys: readonly Key[], chunk = 7) {
	const found = new Map<string, number>();
	for (let from = 0; from < keys.length; from += chunk) {
		const some = keys.slice(from, from + chunk);
		const memory: number[] = [];
		const rows = some.flatMap(([words, tail]) => {
			const at = memory.length;
			memory.push(...words);
			// the row's first and last numbers are of other columns
			return [-1, at, tail, -1];
		});
		counts.add(
			Int32Array.from(memory),
			Int32Array.from(rows),
			some.length,
			4,
			1,
		);
	}
	for (const { address, tail, count } of counts.top(1e6)) {
		const words = new Int32Array(address.slice().buffer);
		found.set(`${words.join()} ${tail}`, count);
	}
	return found;
}

function truth(keys: readonly Key[]): Map<string, number> {
	const counts = new Map<string, number>();
	for (const [words, tail] of keys) {
		const text = `${words.join()} ${tail}`;
		counts.set(text, (counts.get(text) ?? 0) + 1);
	}
	return counts;
}

/** Returns keys of which a few come often. */
function skewed(r: Random, words: 1 | 4, distinct: number, n: number): Key[] {
	const keys = Array.from(
		{ length: distinct },
		(): Key => [
			Array.from({ length: words }, () => r.below(2 ** 32) | 0),
			r.below(3),
		],
	);
	return Array.from({ length: n }, () => {
		const most = r.chance(0.5) ? 5 : distinct;
		return keys[r.below(most)] as Key;
	});
}

describe.each([1, 4] as const)("addresses of %i words", (words) => {
	test("are counted exactly while there is room for all", () => {
		const keys = skewed(random(1), words, 90, 5000);
		const counts = new KeyCounts(words, 7);
		expect(counted(counts, keys)).toEqual(truth(keys));
		expect(counts.missing).toBe(0);
	});

	test("differ in any word, and in the tail", () => {
		const zero = Array.from({ length: words }, () => 0);
		const keys: Key[] = [
			[zero, 0],
			[zero, 1],
			...zero.map((_, i): Key => [zero.with(i, 1), 0]),
			...zero.map((_, i): Key => [zero.with(i, -1), 0]),
		];
		expect(counted(new KeyCounts(words, 7), keys)).toEqual(truth(keys));
	});

	test.each([2, 3, 4, 5])(
		"within the bound where they are too many, of seed %i",
		(seed) => {
			const keys = skewed(random(seed), words, 3000, 20_000);
			const counts = new KeyCounts(words, 6);
			const found = counted(counts, keys);
			const { missing } = counts;
			expect(missing).toBeGreaterThan(0);
			// as many purges as could be, each of which takes half of the room from the sum
			expect(missing).toBeLessThan(20_000 / 16);
			expect(found.size).toBeLessThanOrEqual(48);
			for (const [key, n] of truth(keys)) {
				const low = found.get(key) ?? 0;
				expect([key, low <= n, n <= low + missing]).toEqual([key, true, true]);
			}
			for (const key of found.keys()) expect(truth(keys).has(key)).toBe(true);
		},
	);
});

test("the most frequent come first", () => {
	const counts = new KeyCounts(1);
	counted(
		counts,
		[1, 2, 2, 3, 3, 3].map((n): Key => [[n], 0]),
	);
	expect(counts.top(2).map(({ count }) => count)).toEqual([3, 2]);
	expect(counts.top(9)).toHaveLength(3);
	expect(new KeyCounts(4).top(9)).toEqual([]);
});

test.each([
	[6144, 0],
	[6145, 1],
])("%i addresses of one network lack %i", (n, missing) => {
	const counts = new KeyCounts(1);
	const keys = Array.from({ length: n }, (_, i): Key => {
		const bytes = Uint8Array.of(10, 244, i >> 8, i & 0xff);
		return [[...new Int32Array(bytes.buffer)], 0];
	});
	const found = counted(counts, keys);
	expect(counts.missing).toBe(missing);
	if (missing === 0) expect(found).toEqual(truth(keys));
});
