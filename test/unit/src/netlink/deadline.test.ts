// The moment at which a piece of work gives up, and the time that it says.

import { expect, test } from "vitest";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const clock = { ms: 100 };
const host = fakeHost({ clock });

test("what is left is at least a millisecond", () => {
	const deadline = new Deadline(host, 5);
	expect(deadline.left()).toBe(5);
	clock.ms += 4.9;
	expect(deadline.left()).toBe(1);
});

test("the error tells the time that has passed, of an earlier moment too", () => {
	const deadline = new Deadline(host, 5000);
	clock.ms += 4200;
	expect(deadline.left()).toBe(800);
	const earlier = deadline.before(1000);
	expect(() => earlier.left()).toThrow(
		new DeadlineError("gave up after 4200 ms"),
	);
	// and one that is made after its time was up
	clock.ms += 1000;
	expect(() => deadline.before(1000).left()).toThrow("gave up after 5200 ms");
	expect(() => deadline.left()).toThrow("gave up after 5200 ms");
});
