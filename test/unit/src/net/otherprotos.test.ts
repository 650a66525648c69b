// The protocols beside those that portmap maps.

import { expect, test } from "vitest";
import { anyProtocolName, isMapped } from "../../../../src/net/otherprotos.ts";

test.each([
	[17, "udp"],
	[1, "icmp"],
	[58, "icmpv6"],
	[47, "gre"],
	[136, "udplite"],
	[99, "99"],
	[0, "0"],
])("protocol %i is called %s", (proto, want) =>
	expect(anyProtocolName(proto)).toBe(want),
);

test("portmap maps three protocols", () =>
	expect([...Array(256).keys()].filter(isMapped)).toEqual([6, 17, 132]));
