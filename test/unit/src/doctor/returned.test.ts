// The finding about entries that came back.

import { expect, test } from "vitest";
import { checkReturned } from "../../../../src/doctor/returned.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";
const found = (text: string) =>
	checkReturned(fakeHost({ files: { [`${DIR}/returned`]: text } }), DIR, true);

test("none came back", () =>
	expect(checkReturned(fakeHost({}), DIR, true)).toEqual([]));

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

test.each([
	[
		"a line of ours",
		"udp 203.0.113.9:6000 > 203.0.113.1:8125, to 10.88.0.2:5353,",
		"udp a client > 203.0.113.1:8125, to 10.88.0.2:5353, came back after it was removed",
	],
	[
		"any other line",
		"from 203.0.113.9 > 1 > 2",
		"an entry came back after it was removed",
	],
])("where clients are not to be named, it names none: %s", (_, line, words) => {
	const host = fakeHost({ files: { [`${DIR}/returned`]: `${line}\n` } });
	expect(checkReturned(host, DIR, false)).toMatchObject([{ found: words }]);
});
