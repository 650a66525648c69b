// The protocols that a list takes.

import { describe, expect, test } from "vitest";
import { ANY_PROTO, splitProtos } from "../../../../src/cli/anyproto.ts";
import { UsageError } from "../../../../src/cli/usage.ts";

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

test("what portmap maps is apart from what it does not, by name or by number", () =>
	expect(splitProtos([[17], [1], [6], [99]])).toEqual({
		mapped: [[17], [], [6], []],
		others: [1, 99],
	}));
