// Who has the turn serves all who wait. The other processes are requests in the queue
// whose locks are held.

import { describe, expect, test } from "vitest";
import { reportFrom, textOfAsk } from "../../../../src/flush/ask.text.ts";
import type { Ask } from "../../../../src/flush/ask.ts";
import { lead, leadArrivals } from "../../../../src/flush/lead.ts";
import type { FullHost } from "../../../../src/host.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { enqueue } from "../../../../src/state/queue.ts";
import {
	flow,
	GET,
	mappingOfPod,
	other,
	POD,
	RECORDS,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

/** Another pod, with a hostPort of its own. */
const SECOND: Attachment = other("second", {
	mappings: [{ ...mappingOfPod, hostPort: 53, podIP: "10.88.0.3" }],
});
const ITS_STALE = flow({ orig: "C:21 > H:53", reply: "Q:5353 > C:21" });
const ITS_OWN = flow({ orig: "C:22 > H:53", reply: "10.88.0.3:5353 > C:22" });
const TABLE = [STALE, ITS_STALE, ITS_OWN];

const ADD: Ask = { verb: "ADD", attachment: POD, action: "delete" };
const ITS_ADD: Ask = { ...ADD, attachment: SECOND };

function setUp(
	records: readonly Attachment[] = [POD, SECOND],
	options: Parameters<typeof setUpPods>[2] = {},
) {
	const found = setUpPods(TABLE, records, options);
	const host: FullHost = {
		...found.host,
		full: () => host,
		readLink: () => "net:[1]",
	};
	const context = { ...found.context, host };
	const { calls, clock } = found.host;
	const deadline = new Deadline(host, 5000);
	return { ...found, host, calls, clock, context, deadline };
}

describe("lead", () => {
	test("serves its own request and those that wait, and answers them", async () => {
		const { context, host, deadline, removed } = setUp();
		const waiting = enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const own = await lead(context, ADD, deadline);
		expect(own).toMatchObject({ deleted: 1, shared: 2, error: undefined });
		const theirs = reportFrom(waiting.answer());
		expect(theirs).toMatchObject({ deleted: 1, shared: 2 });
		expect([...(theirs?.reasons ?? [])]).toEqual([["other-pod", 1]]);
		expect(removed()).toEqual([STALE.orig, ITS_STALE.orig]);
	});

	test("does not serve itself twice", async () => {
		const { context, host, deadline } = setUp();
		const waiting = enqueue(host, RECORDS, textOfAsk(host, ADD));
		const own = await lead(context, ADD, deadline, waiting.name);
		expect(own.shared).toBeUndefined();
		expect(waiting.answer()).toBeUndefined();
	});

	test("does not obey a text that is no request", async () => {
		const { context, host, deadline, removed } = setUp();
		const waiting = enqueue(host, RECORDS, '{"verb":"DEL"}');
		await lead(context, ADD, deadline);
		expect(waiting.answer()).toBeUndefined();
		expect(removed()).toEqual([STALE.orig]);
	});

	test("answers nobody if its pass fails: each tries it himself", async () => {
		const { context, host, deadline } = setUp([POD, SECOND], {
			answer: ({ type }) => (type === GET ? [] : undefined),
		});
		const waiting = enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const own = await lead(context, ADD, deadline);
		expect(String(own.error)).toMatch(/gave up after/);
		expect(own.waiting).toBe(1);
		expect(waiting.answer()).toBeUndefined();
	});

	test("tries its own request alone if the pass with the others fails", async () => {
		const { context, host, deadline, removed } = setUp([POD, SECOND], {
			// the first dump of the table is lost again and again
			answer: ({ type, nth }) =>
				type === GET && nth < 3 ? ["ENOBUFS"] : undefined,
		});
		enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const own = await lead(context, ADD, deadline);
		expect(own).toMatchObject({ deleted: 1, error: undefined });
		expect(own.shared).toBeUndefined();
		expect(removed()).toEqual([STALE.orig]);
	});

	test("a request that cannot be prepared is not answered, and harms no other", async () => {
		const { context, host, deadline, removed } = setUp([POD, SECOND], {
			refuse: (protocol) => (protocol === 0 ? "EPERM" : undefined),
		});
		const del: Ask = { ...ITS_ADD, verb: "DEL" };
		const [add, gone] = [ADD, del].map((ask) =>
			enqueue(host, RECORDS, textOfAsk(host, ask)),
		);
		await lead(context, { ...del, action: "count" }, deadline);
		expect(add?.answer()).toBeUndefined();
		expect(reportFrom(gone?.answer())).toMatchObject({ deleted: 1 });
		expect(removed()).toEqual([ITS_OWN.orig]);
	});

	test("reads the records once for all", async () => {
		const { context, host, calls, deadline } = setUp();
		enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const before = calls.length;
		await lead(context, ADD, deadline);
		const lists = calls.slice(before).filter((c) => c === `readDir ${RECORDS}`);
		expect(lists).toHaveLength(1);
	});
});

test("after a pass that was left, waits for those who come, serves them, and counts all of the time", async () => {
	const { context, host, deadline, removed, clock } = setUp();
	const waiting = enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
	const own = await leadArrivals(context, ADD, deadline, 300);
	expect(own).toMatchObject({ deleted: 1, shared: 2, error: undefined });
	expect(reportFrom(waiting.answer())).toMatchObject({ deleted: 1, shared: 2 });
	expect(removed()).toEqual([STALE.orig, ITS_STALE.orig]);
	expect(own.ms).toBe(300 + clock.ms);
	expect(clock.ms).toBeGreaterThan(0);
});
