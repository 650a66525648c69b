// The flags that select entries.

import { describe, expect, test } from "vitest";
import {
	ALL_PROTOS,
	cacheOf,
	protoFlag,
	selectionOf,
} from "../../../../src/cli/selecting.ts";
import { UsageError } from "../../../../src/cli/usage.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
} from "../../../../src/net/proto.ts";

const NOTHING = {
	proto: [],
	hostPort: undefined,
	hostIP: undefined,
	podIP: undefined,
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
			selectionOf({ ...NOTHING, proto } as typeof NOTHING, [IPPROTO_UDP])
				.protos,
		).toEqual(protos),
	);

	test.each<[string, object]>([
		["addresses of two families", { hostIP: "192.0.2.1", podIP: "fd00::1" }],
		["an address of another family", { podIP: "fd00::1", family: AF_INET }],
		["the other way around", { hostIP: "192.0.2.1", family: AF_INET6 }],
	])("is refused if no entry can match it: %s", (_, flags) =>
		expect(() => selectionOf({ ...NOTHING, ...flags }, ALL_PROTOS)).toThrow(
			UsageError,
		),
	);
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
