// Who has the turn serves all who wait, and takes up what was left. The other processes
// are requests in the queue whose locks are held.

import { describe, expect, test } from "vitest";
import { reportFrom, textOfAsk } from "../../../../src/flush/ask.text.ts";
import type { Ask } from "../../../../src/flush/ask.ts";
import { finishLeft, lead } from "../../../../src/flush/lead.ts";
import type { FullHost } from "../../../../src/host.ts";
import { Deadline } from "../../../../src/netlink/deadline.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import {
	enqueue,
	leave,
	leftBehind,
	lockServing,
} from "../../../../src/state/queue.ts";
import { findRecord, writeRecord } from "../../../../src/state/store.ts";
import { turnPath } from "../../../../src/state/turn.ts";
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
	const { calls } = found.host;
	const deadline = new Deadline(host, 5000);
	return { ...found, host, calls, context, deadline };
}

describe("lead", () => {
	test("serves its own request and those that wait, and answers them", async () => {
		const { context, host, deadline, removed } = setUp();
		const waiting = enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const own = await lead(context, ADD, deadline);
		expect(own).toMatchObject({ deleted: 1, shared: 2, error: undefined });
		const theirs = reportFrom(waiting.answer() ?? "");
		expect(theirs).toMatchObject({ deleted: 1, shared: 2 });
		expect([...(theirs?.reasons ?? [])]).toEqual([["other-pod", 1]]);
		expect(removed()).toEqual([STALE.orig, ITS_STALE.orig]);
		expect(lockServing(host, RECORDS)).toBeTypeOf("function");
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

	test("reads the records once for all", async () => {
		const { context, host, calls, deadline } = setUp();
		enqueue(host, RECORDS, textOfAsk(host, ITS_ADD));
		const before = calls.length;
		await lead(context, ADD, deadline);
		const lists = calls.slice(before).filter((c) => c === `readDir ${RECORDS}`);
		expect(lists).toHaveLength(1);
	});
});

describe("what was left", () => {
	const gone = { ...SECOND, unfinished: true } as const;

	test.each<[string, Attachment, string[], boolean]>([
		["an ADD", SECOND, [STALE.orig, ITS_STALE.orig], true],
		["a DEL, whose record ends", gone, [STALE.orig, ITS_OWN.orig], false],
	])("of %s is done", async (_, a, want, isRecorded) => {
		const { context, host, deadline, removed } = setUp([POD, a]);
		leave(host, RECORDS, a);
		await lead(context, ADD, deadline);
		expect(removed()).toEqual(want);
		expect(leftBehind(host, RECORDS)).toEqual([]);
		expect(findRecord(host, RECORDS, a) !== undefined).toBe(isRecorded);
	});

	test("of a pod without a record is forgotten", async () => {
		const { context, host, deadline, removed } = setUp([POD]);
		leave(host, RECORDS, SECOND);
		expect((await lead(context, ADD, deadline)).shared).toBeUndefined();
		expect(leftBehind(host, RECORDS)).toEqual([]);
		expect(removed()).toEqual([STALE.orig]);
	});

	test("stays if the pass fails", async () => {
		const { context, host, deadline } = setUp([POD, gone], {
			answer: ({ type }) => (type === GET ? [] : undefined),
		});
		leave(host, RECORDS, gone);
		await lead(context, ADD, deadline);
		expect(leftBehind(host, RECORDS)).toHaveLength(1);
		expect(findRecord(host, RECORDS, gone)).toEqual(gone);
	});

	test("stays if its attachment was recorded anew in the meantime", async () => {
		const { context, host, deadline } = setUp([POD, gone]);
		leave(host, RECORDS, gone);
		const again = { ...SECOND, added: 99 };
		const late = {
			...context,
			host: {
				...host,
				// the pass has begun
				netlink: (protocol: number, ms: number) => {
					writeRecord(host, RECORDS, again);
					return host.netlink(protocol, ms);
				},
			},
		};
		await lead(late, ADD, deadline);
		expect(findRecord(host, RECORDS, gone)).toEqual(again);
		expect(leftBehind(host, RECORDS)).toHaveLength(1);
	});
});

describe("finishLeft", () => {
	test("does what was left, and says what it did", async () => {
		const { context, host, deadline, removed } = setUp([SECOND]);
		leave(host, RECORDS, SECOND);
		const reports = await finishLeft(context, deadline);
		expect(reports.map((r) => r.deleted)).toEqual([1]);
		expect(removed()).toEqual([ITS_STALE.orig]);
		expect(() => host.flock(turnPath(RECORDS), 0)).not.toThrow();
	});

	test("takes no turn where nothing is left", async () => {
		const { context, calls, deadline } = setUp();
		expect(await finishLeft(context, deadline)).toEqual([]);
		expect(calls.join()).not.toContain("flock");
	});

	test("leaves it to whoever has the turn", async () => {
		const { context, host, deadline, removed } = setUp();
		leave(host, RECORDS, SECOND);
		host.flock(turnPath(RECORDS), 0);
		expect(await finishLeft(context, deadline)).toEqual([]);
		expect(removed()).toEqual([]);
	});
});
