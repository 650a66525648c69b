// Who does the work: the verb alone, the one who has the turn for all, or another.

import { describe, expect, test } from "vitest";
import { perform } from "../../../../src/flush/perform.ts";
import { queueDir, turnPath } from "../../../../src/state/turn.ts";
import { BOOKS } from "../../../support/book.ts";
import {
	ALL,
	GAP,
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
const ASK = { verb: "ADD", attachment: POD, action: "delete" } as const;
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
