// The last hours in memory: what is added to which bucket, and that they are bounded.

import { expect, test } from "vitest";
import {
	BUCKET_MS,
	countedOf,
	MOST_BUCKETS,
	newLastHours,
	noteLastHours,
} from "../../../../src/page/history.ts";
import { EPOCH, fakeHost } from "../../../support/fakehost.ts";
import { statistics } from "../../../support/unit/pages.ts";

function remembering() {
	const clock = { ms: 0 };
	const host = fakeHost({ clock });
	return { clock, host, history: newLastHours(host) };
}

test("looks of two minutes share a bucket, which has the last number of entries", () => {
	const { clock, host, history } = remembering();
	for (const entries of [3, 5]) {
		noteLastHours(history, host, statistics(entries), new Map());
		clock.ms += BUCKET_MS / 2;
	}
	noteLastHours(history, host, statistics(9), new Map());
	expect(history.since).toBe(EPOCH);
	expect(history.buckets.map(({ at, entries }) => [at, entries])).toEqual([
		[EPOCH, 5],
		[EPOCH + BUCKET_MS, 9],
	]);
});

test("a counter counts from the first look on, over its own end at 32 bits", () => {
	const { clock, host, history } = remembering();
	for (const drop of [0xffff_fffe, 0xffff_ffff, 2]) {
		noteLastHours(history, host, statistics(0, { drop }), new Map());
		clock.ms += BUCKET_MS;
	}
	expect(history.buckets.map((b) => b.counted.drop)).toEqual([0, 1, 3]);
	expect(countedOf(history, "drop")).toBe(4);
	expect(countedOf(history, "early_drop")).toBe(0);
});

test("what was removed is the growth of the totals", () => {
	const { clock, host, history } = remembering();
	const totals = new Map([["DEL\ndead-pod\nudp", 2]]);
	noteLastHours(history, host, undefined, totals);
	clock.ms += BUCKET_MS;
	totals.set("DEL\ndead-pod\nudp", 5).set("ADD\nno-dnat\nudp", 1);
	noteLastHours(history, host, undefined, totals);
	noteLastHours(history, host, undefined, totals);
	expect(history.buckets.map((b) => [...b.removed])).toEqual([
		[["DEL\ndead-pod\nudp", 2]],
		[
			["DEL\ndead-pod\nudp", 3],
			["ADD\nno-dnat\nudp", 1],
		],
	]);
});

test("where the kernel cannot be asked, a bucket has no number", () => {
	const { host, history } = remembering();
	noteLastHours(history, host, undefined, new Map());
	expect(history.buckets).toMatchObject([{ entries: undefined, counted: {} }]);
});

test("the oldest bucket goes when there are too many", () => {
	const { clock, host, history } = remembering();
	for (let i = 0; i < MOST_BUCKETS + 7; i++) {
		noteLastHours(history, host, statistics(i), new Map());
		clock.ms += BUCKET_MS;
	}
	expect(history.buckets).toHaveLength(MOST_BUCKETS);
	expect(history.buckets[0]?.entries).toBe(7);
});

test("a spool with ever new words fills no memory, and its sum is right", () => {
	const { host, history } = remembering();
	const totals = new Map<string, number>();
	for (let i = 0; i < 1000; i++) totals.set(`E${i}\nx\nudp`, 1);
	noteLastHours(history, host, undefined, totals);
	const [bucket] = history.buckets;
	expect(bucket?.removed.size).toBe(21);
	expect(bucket?.removed.get("other\nother\nother")).toBe(980);
});
