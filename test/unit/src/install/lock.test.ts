// The lock that lets one installer work at a time.

import { expect, test } from "vitest";
import { LOCK, lock } from "../../../../src/install/lock.ts";
import { Refusal } from "../../../../src/install/refusal.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { WHERE } from "../../../support/unit/installing.ts";

test("it is a file in the directory of records, which is made, below the node's root", () => {
	const host = fakeHost();
	lock(host, { ...WHERE, root: "/host" }, 0);
	const dir = "/host/run/cni/conntrack-flush";
	expect(host.calls).toEqual([`mkdir ${dir}`, `flock ${dir}/${LOCK}`]);
});

test("it waits as long as it is told, and returns the release", () => {
	const told: number[] = [];
	const events: string[] = [];
	const host = {
		...fakeHost(),
		flock(_: string, timeoutMs: number) {
			told.push(timeoutMs);
			return () => void events.push("released");
		},
	};
	const unlock = lock(host, WHERE, 5000);
	expect([told, events]).toEqual([[5000], []]);
	unlock();
	expect(events).toEqual(["released"]);
});

test.each([
	["EAGAIN", true],
	["ENOSPC", false],
])("%s: refused with advice is %j", (code, isRefusal) => {
	const host = fakeHost({
		fail: (call) => (call === "flock" ? code : undefined),
	});
	let thrown: unknown;
	try {
		lock(host, WHERE, 0);
	} catch (e) {
		thrown = e;
	}
	expect(thrown).toBeInstanceOf(Error);
	expect(thrown instanceof Refusal).toBe(isRefusal);
	if (isRefusal)
		expect((thrown as Error).message).toMatch(
			/another installer is at work on this node\n.*DaemonSet/,
		);
});
