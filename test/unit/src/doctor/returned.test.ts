// The finding about entries that came back.

import { expect, test } from "vitest";
import { checkReturned } from "../../../../src/doctor/returned.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";
const found = (text: string) =>
	checkReturned(fakeHost({ files: { [`${DIR}/returned`]: text } }), DIR);

test("none came back", () =>
	expect(checkReturned(fakeHost({}), DIR)).toEqual([]));

test.each([
	[
		"one",
		"udp A > B, to C,\n",
		"udp A > B, to C, came back after it was removed",
	],
	[
		"three",
		"udp A > B, to C,\nx\ny\n",
		"udp A > B, to C, came back after it was removed, and 2 more",
	],
	[
		"one with control characters",
		"\u001b[2J\n",
		"?[2J came back after it was removed",
	],
])("%s", (_, text, words) =>
	expect(found(text)).toMatchObject([
		{ check: "entries that come back", status: "warn", found: words },
	]),
);
