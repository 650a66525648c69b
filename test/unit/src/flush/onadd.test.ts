// ADD: the record, and what is left if the time was up. What it looks for is in
// addsearch.test.ts.

import { describe, expect, test } from "vitest";
import { countStale, onAdd } from "../../../../src/flush/onadd.ts";
import { leftBehind } from "../../../../src/state/left.ts";
import { findRecord } from "../../../../src/state/store.ts";
import {
	ALL,
	GAP,
	MINE,
	POD,
	RECORDS,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

const GET = 0x0101;

describe("onAdd", () => {
	test("records the attachment before it looks", async () => {
		const { context, host } = setUpPods(ALL);
		await onAdd(context, POD);
		expect(findRecord(host, RECORDS, POD)).toEqual(POD);
		const written = host.calls.findIndex((c) => c.startsWith("rename"));
		expect(host.calls.indexOf("netlink 12")).toBeGreaterThan(written);
		expect(leftBehind(host, RECORDS)).toEqual([]);
	});

	test("of a pod without ports opens no socket and takes no turn", async () => {
		const { context, host } = setUpPods(ALL);
		await onAdd(context, { ...POD, mappings: [] });
		expect(host.calls.filter((c) => /netlink|flock/.test(c))).toEqual([]);
	});

	test("notes that it could not finish", async () => {
		const { context, host } = setUpPods([STALE], [], {
			answer: ({ type }) => (type === GET ? [] : undefined),
		});
		await onAdd(context, POD);
		expect(host.written(2)).toMatch(/level=warn msg="cannot flush".* gave up/);
		expect(leftBehind(host, RECORDS)).toHaveLength(1);
	});

	test("leaves nothing where it could not record the attachment", async () => {
		const { context, host } = setUpPods([STALE], [], {
			answer: ({ type }) => (type === GET ? [] : undefined),
			fail: (call) => (call === "rename" ? "ENOSPC" : undefined),
		});
		await onAdd(context, POD);
		expect(leftBehind(host, RECORDS)).toEqual([]);
	});
});

test("countStale counts and removes nothing", async () => {
	const { context, removed } = setUpPods([STALE, GAP, MINE]);
	const { reasons } = await countStale(context, POD);
	expect([...reasons]).toEqual([
		["other-pod", 1],
		["no-dnat", 1],
	]);
	expect(removed()).toEqual([]);
});
