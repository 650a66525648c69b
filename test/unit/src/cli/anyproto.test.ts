// The protocols that a list takes.

import { describe, expect, test } from "vitest";
import { ANY_PROTO, mappedOf, othersOf } from "../../../../src/cli/anyproto.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import type { Selection } from "../../../../src/policy/selection.ts";

const parse = (text: string): readonly number[] =>
	ANY_PROTO.parse(text, "--proto");

describe("--proto", () => {
	test.each<[string, number[]]>([
		["udp", [17]],
		["ICMP", [1]],
		["icmpv6", [58]],
		["gre", [47]],
		["50", [50]],
		["0", [0]],
		["255", [255]],
		["all", [17, 6, 132]],
	])("%s", (text, want) => expect(parse(text)).toEqual(want));

	test.each(["256", "1.5", "", "-1", "toString", "icmp6"])("not %j", (text) =>
		expect(() => parse(text)).toThrow(UsageError),
	);
});

const EVERYTHING: Selection = {
	protos: [17, 6, 132],
	hostPorts: [],
	hostIP: undefined,
	from: undefined,
	to: undefined,
	leadsTo: undefined,
	answeredAt: undefined,
	podIPs: undefined,
	family: undefined,
	zone: undefined,
};
const PORTS = { ...EVERYTHING, hostPorts: [{ first: 53, last: 53 }] };
const ALL = ANY_PROTO.parse("all", "--proto");

test("what portmap maps is apart from what it does not, by name or by number", () =>
	expect(mappedOf([[17], [1], [6], [99]])).toEqual([[17], [], [6], []]));

describe("the entries of other protocols", () => {
	test.each<
		[string, Selection, number[][], { all: boolean; stale: boolean }, unknown]
	>([
		[
			"are those that are named",
			EVERYTHING,
			[[17], [1], [99]],
			{ all: false, stale: false },
			[1, 99],
		],
		[
			"are all without a protocol",
			EVERYTHING,
			[],
			{ all: false, stale: false },
			"all",
		],
		[
			"are none with a mapped protocol",
			EVERYTHING,
			[[17]],
			{ all: false, stale: false },
			undefined,
		],
		[
			"are none with every mapped protocol",
			EVERYTHING,
			[[...ALL]],
			{ all: false, stale: false },
			undefined,
		],
		[
			"are all with all of all",
			EVERYTHING,
			[ALL as number[]],
			{ all: true, stale: false },
			"all",
		],
		[
			"are none of what is stale",
			EVERYTHING,
			[],
			{ all: false, stale: true },
			undefined,
		],
		["are none of a port", PORTS, [], { all: true, stale: false }, undefined],
	])("%s", (_, selection, given, flags, want) =>
		expect(othersOf(selection, given, flags)).toEqual(want),
	);
});
