// The queue of a burst: requests of processes that live, answers, and what dead or foreign
// ones leave.

import { describe, expect, test, vi } from "vitest";
import {
	answer,
	awaitArrivals,
	awaitQuiet,
	enqueue,
	isOfQueue,
	queueLength,
	waitingOthers,
} from "../../../../src/state/queue.ts";
import { queueDir, turnPath } from "../../../../src/state/turn.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/flush";
const QUEUE = queueDir(DIR);
const inQueue = (host: ReturnType<typeof fakeHost>): string[] =>
	[...host.files.keys()]
		.filter((path) => path.startsWith(`${QUEUE}/`))
		.map((path) => path.slice(QUEUE.length + 1))
		.sort();

describe("a request", () => {
	test("is seen by others, is answered once, and leaves nothing", () => {
		const host = fakeHost();
		const waiting = enqueue(host, DIR, "what");
		expect(waitingOthers(host, DIR, undefined)).toEqual(
			new Map([[waiting.name, "what"]]),
		);
		expect(waiting.answer()).toBeUndefined();
		answer(host, DIR, waiting.name, "done");
		expect(waiting.answer()).toBe("done");
		// one that is answered is not served again
		expect(waitingOthers(host, DIR, undefined)).toEqual(new Map());
		waiting.withdraw();
		expect(inQueue(host)).toEqual([]);
	});

	test("has a name of its own, though two engines begin with the same chance", () => {
		const host = fakeHost();
		const chance = vi.spyOn(Math, "random").mockReturnValue(0.5);
		try {
			const names = ["12", "13"].map((pid) => {
				const own = { ...host, readLink: () => pid };
				return enqueue({ ...own, full: () => own }, DIR, pid).name;
			});
			expect(new Set(names).size).toBe(2);
			expect([...waitingOthers(host, DIR, undefined).values()].sort()).toEqual([
				"12",
				"13",
			]);
		} finally {
			chance.mockRestore();
		}
	});

	test("is not seen by itself", () => {
		const host = fakeHost();
		const own = enqueue(host, DIR, "own");
		const other = enqueue(host, DIR, "other");
		expect([...waitingOthers(host, DIR, own.name).keys()]).toEqual([
			other.name,
		]);
	});

	test("of a process that died is dropped, with what was written for it", () => {
		const files = {
			[`${QUEUE}/dead.ask`]: "what",
			[`${QUEUE}/dead.ask.answer`]: "done",
			[`${QUEUE}/dead.ask.answer.tmp`]: "do",
		};
		const host = fakeHost({ files });
		expect(waitingOthers(host, DIR, undefined)).toEqual(new Map());
		expect(inQueue(host)).toEqual([]);
	});

	test.each([".answer", ".answer.tmp"])(
		"that was taken back leaves no %s",
		(end) => {
			const files = { [`${QUEUE}/gone.ask${end}`]: "done" };
			const host = fakeHost({ files });
			waitingOthers(host, DIR, undefined);
			expect(inQueue(host)).toEqual([]);
		},
	);

	test("and files that are none of ours stay", () => {
		const names = ["README", "net:new:eth0.json", "x.answer"];
		const files = Object.fromEntries(names.map((n) => [`${QUEUE}/${n}`, ""]));
		const host = fakeHost({ files });
		expect(waitingOthers(host, DIR, undefined)).toEqual(new Map());
		expect(inQueue(host)).toEqual(names.sort());
	});

	test("is counted without a look at who lives", () => {
		const host = fakeHost({ files: { [`${QUEUE}/dead.ask`]: "what" } });
		enqueue(host, DIR, "what");
		expect(queueLength(host, DIR)).toBe(2);
		expect(inQueue(host)).toContain("dead.ask");
	});

	test("that was never finished is swept when it is old", () => {
		const host = fakeHost({ files: { [`${QUEUE}/half.new`]: "wh" } });
		waitingOthers(host, DIR, undefined);
		expect(inQueue(host)).toEqual(["half.new"]);
		host.clock.ms += 20_000;
		waitingOthers(host, DIR, undefined);
		expect(inQueue(host)).toEqual([]);
	});

	test.each(["mkdir", "flock", "appendFile", "rename"])(
		"cannot be made if %s fails, and leaves nothing",
		(call) => {
			const fail = (name: string) => (name === call ? "ENOSPC" : undefined);
			const host = fakeHost({ fail });
			expect(() => enqueue(host, DIR, "what")).toThrow("ENOSPC");
			expect(inQueue(host)).toEqual([]);
		},
	);

	test.each(["readDir", "readFile"])("is not seen if %s fails", (call) => {
		let isArmed = false;
		const host = fakeHost({
			fail: (name) => (isArmed && name === call ? "EIO" : undefined),
		});
		enqueue(host, DIR, "what");
		isArmed = true;
		expect(waitingOthers(host, DIR, undefined)).toEqual(new Map());
	});

	test.each(["writeFile", "rename"])(
		"has no answer if %s fails, and goes on waiting",
		(call) => {
			let isArmed = false;
			const host = fakeHost({
				fail: (name) => (isArmed && name === call ? "ENOSPC" : undefined),
			});
			const waiting = enqueue(host, DIR, "what");
			isArmed = true;
			answer(host, DIR, waiting.name, "done");
			expect(waiting.answer()).toBeUndefined();
			expect(inQueue(host)).toEqual([waiting.name]);
		},
	);
});

test.each<[string, boolean]>([
	["x1y2.ask", true],
	["x1y2.new", true],
	["x1y2.ask.answer", true],
	["x1y2.ask.answer.tmp", true],
	["net:new:eth0.json", false],
	["README", false],
	["x1y2.ask.txt", false],
	[".ask", false],
])("%s is a name of the queue: %s", (name, is) =>
	expect(isOfQueue(name)).toBe(is),
);

describe("awaitArrivals", () => {
	/** A host whose queue gets the next of these many requests in each sleep. */
	const arriving = (...each: number[]) => {
		const host = fakeHost({ directories: [DIR] });
		let name = 0;
		const arrive = (): void => {
			for (let n = each.shift() ?? 0; n > 0; n--)
				host.appendFile(`${DIR}/queue/${name++}.ask`, "{}", 0o600);
		};
		const { sleep } = host;
		host.sleep = (ms) => {
			arrive();
			return sleep(ms);
		};
		host.mkdir(`${DIR}/queue`, 0o700);
		arrive();
		return host;
	};

	test("waits as long as requests come", async () => {
		const host = arriving(1, 3, 2);
		await awaitArrivals(host, DIR);
		expect(host.clock.ms).toBe(60);
	});

	test("but not for ever", async () => {
		const host = arriving(...Array<number>(1000).fill(1));
		await awaitArrivals(host, DIR);
		expect(host.clock.ms).toBe(500);
	});

	test("does not wait where nobody comes, or nobody can be seen", async () => {
		for (const host of [arriving(0), fakeHost({ fail: () => "EACCES" })]) {
			await awaitArrivals(host, DIR);
			expect(host.clock.ms).toBe(0);
		}
	});
});

describe("awaitQuiet", () => {
	test("returns at once if nobody has the turn, and does not keep it", async () => {
		const host = fakeHost({ directories: [DIR] });
		await awaitQuiet(host, DIR, 1000);
		expect(host.clock.ms).toBe(0);
		expect(() => host.flock(turnPath(DIR), 0)).not.toThrow();
	});

	test("waits while somebody has it, but not longer than it may", async () => {
		const host = fakeHost({ directories: [DIR] });
		host.flock(turnPath(DIR), 0);
		await awaitQuiet(host, DIR, 1000);
		expect(host.clock.ms).toBe(1000);
	});

	test("does not wait where there is no lock", async () => {
		const host = fakeHost({ fail: () => "EROFS" });
		await awaitQuiet(host, DIR, 1000);
		expect(host.clock.ms).toBe(0);
	});
});
