// The flags that select entries.

import { describe, expect, test } from "vitest";
import {
	ALL_PROTOS,
	cacheOf,
	protoFlag,
	selectionOf,
} from "../../../../src/cli/selecting.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { PLACE, PORTS } from "../../../../src/cli/values.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";

const NOTHING = {
	proto: [],
	hostPort: [],
	hostIP: undefined,
	from: undefined,
	to: undefined,
	leadsTo: undefined,
	answeredAt: undefined,
	family: undefined,
	zone: undefined,
};

describe("the selection", () => {
	test.each<[string, readonly (readonly number[])[], readonly number[]]>([
		["what the command falls back to", [], [IPPROTO_UDP]],
		["one that is given", [[IPPROTO_TCP]], [IPPROTO_TCP]],
		[
			"each once, whatever is repeated",
			[ALL_PROTOS, [IPPROTO_TCP]],
			ALL_PROTOS,
		],
	])("of protocols: %s", (_, proto, protos) =>
		expect(
			selectionOf({ ...NOTHING, proto } as typeof NOTHING, undefined, [
				IPPROTO_UDP,
			]).protos,
		).toEqual(protos),
	);

	test.each<[string, object]>([
		[
			"addresses of two families",
			{ hostIP: "192.0.2.1", leadsTo: PLACE.parse("fd00::1", "") },
		],
		[
			"an address of another family",
			{ from: PLACE.parse("[fd00::]:53", ""), family: AF_INET },
		],
		["the other way around", { hostIP: "192.0.2.1", family: AF_INET6 }],
	])("is refused if no entry can match it: %s", (_, flags) =>
		expect(() =>
			selectionOf({ ...NOTHING, ...flags }, undefined, ALL_PROTOS),
		).toThrow(UsageError),
	);

	test("is refused for a pod that has no address of the family", () =>
		expect(() =>
			selectionOf({ ...NOTHING, family: AF_INET6 }, ["10.88.0.2"], ALL_PROTOS),
		).toThrow(UsageError));

	test("has the ports of every --host-port", () => {
		const hostPort = ["8125", "8000-8010,53"].map((t) => PORTS.parse(t, ""));
		expect(
			selectionOf({ ...NOTHING, hostPort }, undefined, ALL_PROTOS).hostPorts,
		).toEqual([
			{ first: 8125, last: 8125 },
			{ first: 8000, last: 8010 },
			{ first: 53, last: 53 },
		]);
	});
});

test.each<[string, readonly (readonly (17 | 6 | 132)[])[], readonly number[]]>([
	["UDP, if no protocol is given", [], [IPPROTO_UDP]],
	[
		"the protocols that are given",
		[[IPPROTO_TCP], [IPPROTO_SCTP]],
		[IPPROTO_TCP, IPPROTO_SCTP],
	],
])("of a cached attachment counts %s", (_, proto, protocols) =>
	expect(cacheOf("/cache", proto)).toEqual({ dir: "/cache", protocols }),
);

test.each([
	["udp", [IPPROTO_UDP]],
	["all", ALL_PROTOS],
])("--proto %s", (word, want) =>
	expect(protoFlag("").parse(word, "--proto")).toEqual(want),
);
