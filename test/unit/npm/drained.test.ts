// A producer and its reader take turns: nothing is lost, and no more is held than what
// one turn has put.

import { expect, test } from "vitest";
import { drained } from "../../../npm/drained.ts";

/** Yields the numbers up to `last`, `each` of them in a turn; `held` is told how many wait after each turn. */
function numbers(last: number, each: number, turns: number[] = []) {
	return drained<number>(async (put, rest) => {
		for (let n = 1; n <= last; n++) {
			put(n);
			if (n % each !== 0) continue;
			await rest();
			turns.push(n);
		}
	});
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const found: T[] = [];
	for await (const item of items) found.push(item);
	return found;
}

test.each([
	[0, 1],
	[1, 1],
	[7, 1],
	[7, 3],
	[7, 100],
])(
	"of %i items, put %i at a time, all come in their order",
	async (last, each) => {
		const want = Array.from({ length: last }, (_, i) => i + 1);
		expect(await all(numbers(last, each))).toEqual(want);
	},
);

test("the producer goes on when the reader has taken everything, and not before", async () => {
	const turns: number[] = [];
	const items = numbers(6, 2, turns);
	await items.next();
	expect(turns).toEqual([]);
	await items.next();
	expect(turns).toEqual([]);
	await items.next();
	expect(turns).toEqual([2]);
});

test("a failure comes after what came before it", async () => {
	const found: number[] = [];
	const items = drained<number>(async (put) => {
		put(1);
		put(2);
		throw new Error("no table");
	});
	await expect(async () => {
		for await (const item of items) found.push(item);
	}).rejects.toThrow("no table");
	expect(found).toEqual([1, 2]);
});

test("a reader that stops ends the producer, which is waited for", async () => {
	const turns: number[] = [];
	let isEnded = false;
	const items = drained<number>(async (put, rest) => {
		try {
			for (let n = 1; ; n++) {
				put(n);
				await rest();
				turns.push(n);
			}
		} finally {
			isEnded = true;
		}
	});
	for await (const item of items) if (item === 3) break;
	expect(turns).toEqual([1, 2]);
	expect(isEnded).toBe(true);
});

test("a producer that never rests has its items taken at its end", async () => {
	const items = drained<number>(async (put) => {
		for (let n = 0; n < 1000; n++) put(n);
	});
	expect(await all(items)).toHaveLength(1000);
});
