// A verb that waits for its turn. The others are whatever happens while it sleeps.

import { describe, expect, test } from "vitest";
import { textOfReport } from "../../../../src/flush/ask.text.ts";
import { emptyReport } from "../../../../src/flush/report.ts";
import { waitForTurn } from "../../../../src/flush/wait.ts";
import type { FullHost } from "../../../../src/host.ts";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import { answer, enqueue, waitingOthers } from "../../../../src/state/queue.ts";
import { secondTurnPath, turnPath } from "../../../../src/state/turn.ts";
import {
	MINE,
	POD,
	RECORDS,
	STALE,
	setUpPods,
} from "../../../support/unit/flushes.ts";

const ASK = { verb: "ADD", attachment: POD, action: "delete" } as const;

/** The turn is taken, and `during` happens in each sleep. */
function setUp(
	during: (host: FullHost, release: () => void) => void,
	options: Parameters<typeof setUpPods>[2] = {},
) {
	const found = setUpPods([STALE, MINE], [POD], options);
	const release = found.host.flock(turnPath(RECORDS), 0);
	const host: FullHost = {
		...found.host,
		full: () => host,
		readLink: () => "net:[1]",
		sleep(ms) {
			found.host.sleep(ms);
			during(host, release);
		},
	};
	const context = { ...found.context, host };
	const wait = () => waitForTurn(context, ASK, new Deadline(host, 5000));
	const inQueue = () =>
		[...found.host.files.keys()].filter((path) => path.includes("/queue/"));
	return { ...found, wait, release, inQueue, waits: host };
}

describe("a verb that waits", () => {
	test("returns what the one with the turn has done for it", async () => {
		const report = { ...emptyReport(), deleted: 7, shared: 3, ms: 1 };
		const { wait, removed, clock, inQueue } = (() => {
			const found = setUp((host) => {
				for (const name of waitingOthers(host, RECORDS, undefined).keys())
					answer(host, RECORDS, name, textOfReport(report));
			});
			return { ...found, clock: found.host.clock };
		})();
		const served = await wait();
		// its own time, not that of the pass
		expect(served).toEqual({ ...report, ms: clock.ms });
		expect(removed()).toEqual([]);
		expect(inQueue()).toEqual([]);
	});

	describe("where the kernel tells of the end of the turn", () => {
		/** The watch's waits have these results, and `during` happens in each; null stands for the end of its time. */
		function setUpTold(
			waits: (boolean | null)[],
			during: Parameters<typeof setUp>[0],
		) {
			const slept: number[] = [];
			let isOpen = false;
			const found = setUp(() => {});
			const { host, release } = found;
			const told: FullHost = {
				...found.waits,
				full: () => told,
				sleep: (ms) => {
					slept.push(ms);
					return host.sleep(ms);
				},
				watchLock(path) {
					expect(path).toBe(turnPath(RECORDS));
					isOpen = true;
					return {
						wait(ms) {
							const isTold = waits.shift() ?? false;
							if (!isTold) host.sleep(ms);
							during(told, release);
							return isTold;
						},
						close() {
							isOpen = false;
						},
					};
				},
			};
			const context = { ...found.context, host: told };
			const wait = () => waitForTurn(context, ASK, new Deadline(told, 5000));
			return { ...found, wait, slept, isOpen: () => isOpen };
		}
		const serve = (host: FullHost): void => {
			for (const name of waitingOthers(host, RECORDS, undefined).keys())
				answer(host, RECORDS, name, textOfReport(emptyReport()));
		};

		test("a verb that is served does not sleep", async () => {
			const { wait, slept, removed, isOpen, inQueue } = setUpTold(
				[true],
				serve,
			);
			expect(await wait()).toMatchObject({ error: undefined });
			expect(slept).toEqual([]);
			expect(removed()).toEqual([]);
			expect(isOpen()).toBe(false);
			expect(inQueue()).toEqual([]);
		});

		test("one that is not served takes the turn at once", async () => {
			const { wait, removed, host } = setUpTold([true], (_, release) =>
				release(),
			);
			expect(await wait()).toMatchObject({ deleted: 1, error: undefined });
			expect(removed()).toEqual([STALE.orig]);
			expect(host.clock.ms).toBe(0);
		});

		test("one that is told again and again of a turn that is held sleeps in between, ever longer", async () => {
			let told = 0;
			const { wait, slept } = setUpTold(Array(9).fill(true), (host) => {
				if (++told === 9) serve(host);
			});
			await wait();
			expect(slept).toHaveLength(8);
			expect(slept.at(-1)).toBe(40);
		});

		test("one that is never told looks now and then", async () => {
			let looks = 0;
			const { wait, host } = setUpTold([], (other) => {
				if (++looks === 3) serve(other);
			});
			expect(await wait()).toMatchObject({ error: undefined });
			expect(host.clock.ms).toBe(3 * 250);
		});
	});

	test("takes the turn when it is free, and serves itself", async () => {
		let sleeps = 0;
		const { wait, removed, inQueue, host } = setUp((_, release) => {
			if (++sleeps === 3) release();
		});
		expect(await wait()).toMatchObject({ deleted: 1, error: undefined });
		expect(removed()).toEqual([STALE.orig]);
		expect(inQueue()).toEqual([]);
		expect(() => host.flock(turnPath(RECORDS), 0)).not.toThrow();
	});

	test("does not do again what was done just before it got the turn", async () => {
		const { wait, removed } = setUp((host, release) => {
			for (const name of waitingOthers(host, RECORDS, undefined).keys())
				answer(host, RECORDS, name, textOfReport(emptyReport()));
			release();
		});
		expect(await wait()).toMatchObject({ deleted: 0 });
		expect(removed()).toEqual([]);
	});

	test("takes the second turn if the first is held for long", async () => {
		const { wait, removed, host, inQueue } = setUp(() => {});
		const report = await wait();
		expect(report).toMatchObject({ deleted: 1, error: undefined });
		expect(report.ms).toBe(host.clock.ms);
		expect(removed()).toEqual([STALE.orig]);
		expect(host.clock.ms).toBeGreaterThan(2000);
		expect(host.clock.ms).toBeLessThan(2200);
		expect(inQueue()).toEqual([]);
		expect(() => host.flock(secondTurnPath(RECORDS), 0)).not.toThrow();
	});

	test("gives up when its time is up, and says how many wait", async () => {
		const { wait, removed, host, inQueue } = setUp(() => {});
		host.flock(secondTurnPath(RECORDS), 0);
		const other = enqueue(host, RECORDS, "another's");
		const { error, waiting, how } = await wait();
		expect(error).toBeInstanceOf(DeadlineError);
		expect({ waiting, how }).toEqual({ waiting: 1, how: "nothing" });
		expect(removed()).toEqual([]);
		expect(inQueue().map((path) => path.split("/").at(-1))).toEqual([
			other.name,
		]);
	});

	test("works alone if it cannot make a request", async () => {
		const { wait, removed, host } = setUp(() => expect.fail("slept"), {
			fail: (call, path) =>
				call === "appendFile" && path.includes("/queue/")
					? "ENOSPC"
					: undefined,
		});
		await wait();
		expect(removed()).toEqual([STALE.orig]);
		expect(host.clock.ms).toBe(0);
	});

	test("works alone if the lock can no longer be had", async () => {
		let isBroken = false;
		const { wait, removed } = setUp(
			() => {
				isBroken = true;
			},
			{
				fail: (call, path) =>
					isBroken && call === "flock" && path === turnPath(RECORDS)
						? "EIO"
						: undefined,
			},
		);
		await wait();
		expect(removed()).toEqual([STALE.orig]);
	});
});
