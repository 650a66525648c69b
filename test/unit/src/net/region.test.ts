// Regions: the texts that describe them, and what is in them.

import { describe, expect, test } from "vitest";
import {
	isAt,
	isNarrowing,
	parseRegion,
	parseSpan,
	withoutHostBits,
} from "../../../../src/net/region.ts";

test.each<[string, [number, number] | undefined]>([
	["8125", [8125, 8125]],
	["1-65535", [1, 65535]],
	["80-80", [80, 80]],
	["0", undefined],
	["65536", undefined],
	["81-80", undefined],
	["80-", undefined],
	["-80", undefined],
	["", undefined],
	["80-90-100", undefined],
	["080", [80, 80]],
])("ports: %j", (text, want) => {
	const [first, last] = want ?? [];
	expect(parseSpan(text)).toEqual(want && { first, last });
});

describe("reads", () => {
	test.each<[string, string | undefined, number | undefined, number?]>([
		["192.0.2.7", "192.0.2.7", 32],
		["192.0.2.7/32", "192.0.2.7", 32],
		["192.0.2.0/24", undefined, 24],
		["0.0.0.0/0", undefined, 0],
		["192.0.2.7:53", "192.0.2.7", 32, 53],
		["192.0.2.0/24:53", undefined, 24, 53],
		[":53", undefined, undefined, 53],
		["fd00::1", "fd00::1", 128],
		["FD00:0::1", "fd00::1", 128],
		["fd00::1:53", "fd00::1:53", 128],
		["::1", "::1", 128],
		["::", "::", 128],
		["fd00::/64", undefined, 64],
		["[fd00::1]", "fd00::1", 128],
		["[fd00::1]:53", "fd00::1", 128, 53],
		["[fd00::/64]:53", undefined, 64, 53],
		["::ffff:192.0.2.7", "192.0.2.7", 32],
	])("%s", (text, ip, bits, port) => {
		const region = parseRegion(text);
		expect(region?.net?.ip).toBe(ip);
		expect(region?.net?.bits).toBe(bits);
		expect(region?.ports?.first).toBe(port);
	});

	test("ports in a row after an address", () =>
		expect(parseRegion("[fd00::1]:53-54")?.ports).toEqual({
			first: 53,
			last: 54,
		}));
});

test.each([
	"",
	":",
	":0",
	":99999",
	"53",
	"10.88.0",
	"10.88.0.2:",
	"10.88.0.2:x",
	"10.88.0.2/33",
	"10.88.0.2/16",
	"10.88.0.2/",
	"fd00::1/64",
	"[10.88.0.2]:53",
	"[fd00::1]53",
	"[fd00::1",
	"fe80::1%eth0",
	"node-1",
	"node-1:53",
	"::ffff:10.0.0.0/104",
	"::ffff:10.0.0.0/8",
])("does not read %j", (text) => expect(parseRegion(text)).toBeUndefined());

test.each([
	["10.88.0.2/16", "10.88.0.0/16"],
	["10.88.0.2/16:53", "10.88.0.0/16"],
	["[fd00::1/64]:53", "fd00::/64"],
	["10.88.0.0/16", undefined],
	["10.88.0.2/33", undefined],
	["10.88.0.2", undefined],
])("%s is the prefix %s with more bits", (text, want) =>
	expect(withoutHostBits(text)).toBe(want),
);

test.each<[string, string, number, boolean]>([
	["10.88.0.0/23", "10.88.0.0", 1, true],
	["10.88.0.0/23", "10.88.1.255", 1, true],
	["10.88.0.0/23", "10.88.2.0", 1, false],
	["10.88.0.0/23", "10.87.255.255", 1, false],
	["10.88.0.0/23", "fd00::1", 1, false],
	["0.0.0.0/0", "10.88.2.0", 1, true],
	["0.0.0.0/0", "fd00::1", 1, false],
	["fd00::/65", "fd00::7fff:ffff:ffff:ffff", 1, true],
	["fd00::/65", "fd00::8000:0:0:0", 1, false],
	["10.88.0.2", "10.88.0.2", 1, true],
	["10.88.0.2", "10.88.0.3", 1, false],
	["10.88.0.2:10-12", "10.88.0.2", 9, false],
	["10.88.0.2:10-12", "10.88.0.2", 10, true],
	["10.88.0.2:10-12", "10.88.0.2", 12, true],
	["10.88.0.2:10-12", "10.88.0.2", 13, false],
	[":10", "fd00::1", 10, true],
])("%s has %s port %i: %s", (text, ip, port, want) => {
	const region = parseRegion(text);
	expect(region).toBeDefined();
	expect(isAt(region, ip, port)).toBe(want);
});

test("everything is where no region is given", () =>
	expect(isAt(undefined, "10.88.0.2", 1)).toBe(true));

test.each([
	["0.0.0.0/0", false],
	["::/0", false],
	["::", true],
	["0.0.0.0/0:53", true],
	[":53", true],
	["128.0.0.0/1", true],
])("%s leaves something out: %s", (text, want) =>
	expect(isNarrowing(parseRegion(text) ?? {})).toBe(want),
);
