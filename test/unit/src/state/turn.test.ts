// The turn of a pass: a lock that is had, taken, or cannot be had.

import { describe, expect, test } from "vitest";
import {
	hasQueue,
	queueDir,
	TAKEN,
	tryLock,
	turnPath,
} from "../../../../src/state/turn.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/flush";
const directories = [DIR];

describe("tryLock", () => {
	test("takes the lock until it is released", () => {
		const host = fakeHost({ directories });
		const release = tryLock(host, turnPath(DIR));
		expect(tryLock(host, turnPath(DIR))).toBe(TAKEN);
		if (typeof release !== "function") expect.fail();
		release();
		expect(tryLock(host, turnPath(DIR))).toBeTypeOf("function");
	});

	test("makes it as a FIFO, which tells others of its end", () => {
		const host = fakeHost({ directories });
		let made: unknown[] = [];
		host.flock = (...terms) => {
			made = terms;
			return () => {};
		};
		tryLock(host, turnPath(DIR));
		expect(made).toEqual([turnPath(DIR), 0, true]);
	});

	test.each(["ENOENT", "EROFS", "EACCES", "ENOSPC", "EIO"])(
		"has none where it cannot be had: %s",
		(code) => {
			const fail = () => code;
			const host = fakeHost({ directories, fail });
			expect(tryLock(host, turnPath(DIR))).toBeUndefined();
		},
	);
});

describe("hasQueue", () => {
	test("is false where nobody waits, and true where somebody may", () => {
		const host = fakeHost({ directories });
		expect(hasQueue(host, DIR)).toBe(false);
		host.appendFile(`${queueDir(DIR)}/x.ask`, "{}", 0o600);
		expect(hasQueue(host, DIR)).toBe(true);
	});

	test.each(["mkdir", "readDir"])("is false if %s fails", (call) => {
		const fail = (name: string) => (name === call ? "EACCES" : undefined);
		const files = { [`${queueDir(DIR)}/x.ask`]: "{}" };
		expect(hasQueue(fakeHost({ files, fail }), DIR)).toBe(false);
	});
});
