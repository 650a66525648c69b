// Protocols by name and by number.

import { expect, test } from "vitest";
import {
	isPort,
	portKey,
	protocolName,
	protocolOf,
} from "../../../../src/net/proto.ts";

test.each([
	["udp", 17],
	["TCP", 6],
	["Sctp", 132],
	["", undefined],
	["icmp", undefined],
	["17", undefined],
	["udp ", undefined],
	["constructor", undefined],
	["toString", undefined],
	["__proto__", undefined],
])("protocol %j is %s", (name, want) => expect(protocolOf(name)).toBe(want));

test.each([
	[17, "udp"],
	[6, "tcp"],
	[132, "sctp"],
	[47, "47"],
	[0, "0"],
])("protocol %i is called %s", (proto, want) =>
	expect(protocolName(proto)).toBe(want),
);

test("each protocol and port has a key of its own", () => {
	const keys = [6, 17, 132].flatMap((proto) =>
		[0, 1, 53, 65535].map((port) => portKey(proto, port)),
	);
	expect(new Set(keys).size).toBe(12);
});

test.each<[unknown, boolean]>([
	[1, true],
	[65535, true],
	[0, false],
	[65536, false],
	[1.5, false],
	["53", false],
	[null, false],
])("the port %j", (value, want) => expect(isPort(value)).toBe(want));
