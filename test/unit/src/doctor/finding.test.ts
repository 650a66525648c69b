// A finding: its status, and its advice if there is something to do.

import { expect, test } from "vitest";
import { fail, ok, warn } from "../../../../src/doctor/finding.ts";

test.each([
	[
		"what is well needs no advice",
		ok("kernel", "answers"),
		{ check: "kernel", status: "ok", found: "answers" },
	],
	[
		"a warning says what to do",
		warn("kernel", "is old", "upgrade"),
		{ check: "kernel", status: "warn", found: "is old", advice: "upgrade" },
	],
	[
		"a failure says what to do",
		fail("kernel", "is missing", "install it"),
		{
			check: "kernel",
			status: "fail",
			found: "is missing",
			advice: "install it",
		},
	],
])("%s", (_, found, want) => expect(found).toEqual(want));
