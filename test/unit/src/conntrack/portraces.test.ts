// Which servers are wanted by several sources from one source port.

import { expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import { wantedBySeveral } from "../../../../src/conntrack/portraces.ts";

/** An entry of UDP through a masquerade, unless `to` is the source itself. */
function entry(
	src: string,
	sport: number,
	dst = "192.0.2.1",
	to = "203.0.113.1",
): Entry {
	return {
		family: 2,
		proto: 17,
		status: 0,
		key: {} as Entry["key"],
		orig: { src, sport, dst, dport: 123 },
		reply: { src: dst, sport: 123, dst: to, dport: sport },
	};
}

const [A, B, C] = ["10.88.0.2", "10.88.0.3", "10.88.0.4"];

test.each<[string, readonly Entry[], readonly string[]]>([
	[
		"two pods, one port",
		[entry(A, 123), entry(B, 123)],
		[`192.0.2.1 ${A} ${B}`],
	],
	["two pods, two ports", [entry(A, 5000), entry(B, 5001)], []],
	["one pod twice", [entry(A, 123), entry(A, 123)], []],
	["two pods, two servers", [entry(A, 123), entry(B, 123, "192.0.2.2")], []],
	[
		"no masquerade: the sources tell them apart",
		[entry(A, 123, "192.0.2.1", A), entry(B, 123, "192.0.2.1", B)],
		[],
	],
	[
		"the server with the most entries first",
		[
			...[A, B].map((pod) => entry(pod, 123, "192.0.2.2")),
			...[A, B, C].map((pod) => entry(pod, 123)),
		],
		[`192.0.2.1 ${A} ${B} ${C}`, `192.0.2.2 ${A} ${B}`],
	],
])("%s", (_, entries, want) => {
	expect(
		wantedBySeveral(entries).map(({ dst, sources }) =>
			[dst, ...sources].join(" "),
		),
	).toEqual(want);
});
