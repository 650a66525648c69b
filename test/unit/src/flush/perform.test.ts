// Who does the work: the verb alone, the one who has the turn for all, or another.

import { describe, expect, test } from "vitest";
import { reportFrom, textOfAsk } from "../../../../src/flush/ask.text.ts";
import { perform } from "../../../../src/flush/perform.ts";
import type { FullHost } from "../../../../src/host.ts";
import { enqueue, type Waiting } from "../../../../src/state/queue.ts";
import { queueDir, turnPath } from "../../../../src/state/turn.ts";
import { BOOKS } from "../../../support/book.ts";
import { attr, be32, message, nfgenmsg } from "../../../support/entries.ts";
import {
	ALL,
	flow,
	GAP,
	GET,
	GET_STATS,
	MINE,
	mappingOfPod,
	other,
	POD,
	RECORDS,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

/** Has the entry that came to the node's other address. */
const NEIGHBOUR = other("n", {
	mappings: [{ ...mappingOfPod, hostIP: BOOKS.IPv4.H2, podIP: BOOKS.IPv4.N }],
});
/** Another pod, with a hostPort of its own. */
const SECOND = other("second", {
	mappings: [{ ...mappingOfPod, hostPort: 53, podIP: BOOKS.IPv4.N }],
});
const ITS_STALE = flow({ orig: "C:21 > H:53", reply: "Q:5353 > C:21" });
const ASK = { verb: "ADD", attachment: POD, action: "delete" } as const;
const ITS_ASK = { ...ASK, attachment: SECOND } as const;
const STALE_ONES = [STALE.orig, GAP.orig];

describe("a verb", () => {
	test("alone takes the turn, makes no request, and releases it", async () => {
		const { context, host, removed } = setUpPods(ALL, [POD, NEIGHBOUR]);
		const report = await perform(context, ASK);
		expect(report).toMatchObject({ deleted: 2, error: undefined });
		expect(report.shared).toBeUndefined();
		expect(removed()).toEqual(STALE_ONES);
		expect(host.calls).toContain(`flock ${turnPath(RECORDS)}`);
		expect(host.calls.join()).not.toContain(".ask");
		expect(() => host.flock(turnPath(RECORDS), 0)).not.toThrow();
	});

	test.each(["flock", "mkdir", "readDir"])(
		"works alone if %s fails",
		async (call) => {
			let isArmed = false;
			const { context, removed } = setUpPods(ALL, [POD, NEIGHBOUR], {
				fail: (name, path) =>
					isArmed && name === call && path !== RECORDS ? "EROFS" : undefined,
			});
			isArmed = true;
			expect((await perform(context, ASK)).error).toBeUndefined();
			expect(removed()).toEqual(STALE_ONES);
		},
	);

	test("works alone where there is no directory", async () => {
		const { context, removed } = setUpPods([STALE, MINE]);
		await perform(context, ASK);
		expect(removed()).toEqual([STALE.orig]);
	});

	test("looks after who waits, and drops a dead one's request", async () => {
		const { context, host, removed } = setUpPods(ALL, [POD, NEIGHBOUR]);
		host.mkdir(queueDir(RECORDS), 0o700);
		host.appendFile(`${queueDir(RECORDS)}/dead.ask`, "{}", 0o600);
		expect(await perform(context, ASK)).toMatchObject({ deleted: 2 });
		expect(removed()).toEqual(STALE_ONES);
		expect([...host.files.keys()].join()).not.toContain(".ask");
	});

	test("leaves a long pass when another one comes, and serves both by the next", async () => {
		const healthy = Array.from({ length: 800 }, (_, i) =>
			flow({ orig: `C:${9000 + i} > H:8125`, reply: `P:5353 > C:${9000 + i}` }),
		);
		let dumps = 0;
		let waiting: Waiting | undefined;
		const { context, removed } = setUpPods(
			[STALE, ...healthy, ITS_STALE],
			[POD, SECOND],
			{
				answer({ type, seq }) {
					if (type === GET_STATS)
						return [message({ type, seq }, nfgenmsg(0), attr(1, be32(40_000)))];
					if (type === GET && ++dumps === 1)
						waiting = enqueue(host, RECORDS, textOfAsk(host, ITS_ASK));
					return undefined;
				},
			},
		);
		const host: FullHost = {
			...context.host.full(),
			full: () => host,
			readLink: () => "net:[1]",
		};
		const report = await perform({ ...context, host }, ASK);
		expect(report).toMatchObject({ deleted: 1, shared: 2, error: undefined });
		expect(report.ms).toBeGreaterThanOrEqual(20);
		const theirs = reportFrom(waiting?.answer());
		expect(theirs).toMatchObject({ deleted: 1, shared: 2 });
		expect(removed()).toEqual([STALE.orig, ITS_STALE.orig]);
		expect(() => host.flock(turnPath(RECORDS), 0)).not.toThrow();
	});

	test("has no more time than its verb, which has read the request and the records before", async () => {
		const { context, host, removed } = setUpPods(ALL, [POD, NEIGHBOUR]);
		const begun = host.ticks();
		host.clock.ms += 5001;
		const { error } = await perform({ ...context, begun }, ASK);
		expect(String(error)).toBe("DeadlineError: gave up after 5001 ms");
		expect(removed()).toEqual([]);
	});

	test("releases the turn if its pass fails", async () => {
		const { context, host } = setUpPods(ALL, [POD, NEIGHBOUR], {
			refuse: () => "EPERM",
		});
		expect(String((await perform(context, ASK)).error)).toContain("EPERM");
		expect(() => host.flock(turnPath(RECORDS), 0)).not.toThrow();
	});
});
