// What node-problem-detector is told.

import { expect, test } from "vitest";
import { npdAnswer, npdUnknown } from "../../../../src/cli/npd.ts";
import {
	type Finding,
	fail,
	ok,
	warn,
} from "../../../../src/doctor/finding.ts";

const GOOD = ok("ctnetlink", "answers");
const LONG = "x".repeat(200);

test.each<[string, readonly Finding[], number, string]>([
	["nothing is wrong", [GOOD], 0, "ok"],
	["nothing could be found", [], 0, "ok"],
	[
		"there are warnings",
		[
			GOOD,
			warn("records", "2", ""),
			warn("stale entries", "5", ""),
			warn("records", "1", ""),
		],
		0,
		"ok, but see records, stale entries",
	],
	[
		"a check failed: the first one, because it is to be repaired first",
		[
			warn("records", "2", ""),
			fail("conflist", "no plugin", ""),
			fail("b", "c", ""),
		],
		1,
		"conflist: no plugin",
	],
	[
		"this process may not ask: that is not the node's problem",
		[fail("capability", "CAP_NET_ADMIN is missing", "")],
		2,
		"unknown: CAP_NET_ADMIN is missing",
	],
	["the text is long", [fail("a", LONG, "")], 1, `a: ${"x".repeat(74)}...`],
	["it has several lines", [fail("a", "b\n\tc", "")], 1, "a: b c"],
	["it is not ASCII", [fail("a", "é\u2028", "")], 1, "a: ? "],
])("%s", (_, findings, code, line) =>
	expect(npdAnswer(findings)).toEqual({ code, line }),
);

test("what cannot be examined is unknown, in a line of 80 characters", () => {
	expect(npdUnknown("EIO")).toEqual({ code: 2, line: "unknown: EIO" });
	expect(npdUnknown(LONG).line).toHaveLength(80);
});
