// Reconciliation over dumps that go wrong: broken off half-way, or with entries that
// come twice.

import { expect, test } from "vitest";
import { reconcile } from "../../../../src/reconcile/reconcile.ts";
import { recorded } from "../../../../src/reconcile/recorded.ts";
import {
	datagram,
	doneMessage,
	entryMessage,
	message,
	u32,
} from "../../../support/entries.ts";
import type {
	FakeKernelOptions,
	Reply,
	Request,
} from "../../../support/fakekernel.ts";
import { DNAT, mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	entriesOf,
	type Row,
	world,
} from "../../../support/unit/world.ts";

const P = attached("p", mapping("IPv4", "udp"));
const to = (pod: string, n: number): Row => ({
	orig: `C:${n} > H:8125`,
	reply: `${pod} > C:${n}`,
	status: DNAT,
});
/** Three entries that are stale among three that are not. */
const ROWS = [1, 2, 3].flatMap((n) => [to("Q:5353", n), to("P:5353", 10 + n)]);
const STALE = [1, 2, 3].map((n) => `C:${n} > H:8125`);

/** Answers with these entries, each list in a datagram, and then with `end`. */
const dump =
	(end: (r: Request) => Reply, ...datagrams: readonly number[][]) =>
	(r: Request): Reply[] => [
		...datagrams.map((ids) =>
			datagram(
				...ids.flatMap((id) => {
					const spec = entriesOf(ROWS)[id - 1];
					return spec ? [entryMessage(spec, r.seq)] : [];
				}),
			),
		),
		end(r),
	];
const done = (r: Request): Reply => doneMessage(r.seq);
/** NLMSG_DONE with NLM_F_DUMP_INTR. */
const interrupted = (r: Request): Reply =>
	message({ type: 3, flags: 0x10 | 2, seq: r.seq }, u32(0));

/** Answers the first dump with `answer`; later dumps show the table as it is. */
const first =
	(answer: (r: Request) => Reply[]): NonNullable<FakeKernelOptions["answer"]> =>
	(r) =>
		r.protocol === 12 && r.type === 0x0101 && r.nth === 0
			? answer(r)
			: undefined;

test.each<[string, (r: Request) => Reply[], number]>([
	["an interrupted one (EINTR)", dump(interrupted, [1, 2], [3]), 0],
	["an overrun (ENOBUFS)", dump(() => "ENOBUFS", [1, 2], [3]), 0],
	[
		"one with everything twice",
		dump(done, [1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 6]),
		3,
	],
	[
		"one with an entry twice in a datagram",
		dump(done, [1, 1, 2, 3, 4, 5, 6]),
		1,
	],
])(
	"%s: what is stale goes once, what is not stays",
	async (_, answer, expired) => {
		const w = world(ROWS, [P], { answer: first(answer) });
		const report = await reconcile(w.context, [recorded(w.context)], "delete");
		expect(report.error).toBeUndefined();
		expect(w.removed().sort()).toEqual(STALE);
		expect([report.deleted, report.failed.size]).toEqual([3, 0]);
		// deleted before the second look at it: no failure
		expect(report.expired).toBeGreaterThanOrEqual(expired);
		expect(w.kernel.left()).toEqual([2, 4, 6]);
	},
);
