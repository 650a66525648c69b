// IP addresses: read, written, and compared with what Go and RFC 5952 say.

import { describe, expect, test } from "vitest";
import {
	AF_INET,
	AF_INET6,
	familyOf,
	formatIP,
	hostIPOf,
	ipBytes,
	ipLength,
	isUnspecified,
	parseCIDR,
	parseIP,
} from "../../../../src/net/ip.ts";
import { hex, toHex } from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";

describe("parseIP", () => {
	test.each([
		["IPv4", "203.0.113.1", "203.0.113.1"],
		["the least IPv4", "0.0.0.0", "0.0.0.0"],
		["the greatest IPv4", "255.255.255.255", "255.255.255.255"],
		["IPv6 in its canonical form", "2001:db8::1", "2001:db8::1"],
		["the wildcard", "::", "::"],
		["loopback", "::1", "::1"],
		["all groups written out", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2:3:4:5:6"],
		["`::` in front", "::5:6", "::5:6"],
		["`::` at the end", "2001:db8::", "2001:db8::"],
		["`::` for a single group", "1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
		["a dotted quad inside IPv6", "64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
		["v4-compatible stays IPv6", "::192.0.2.33", "::c000:221"],
		["v4-mapped becomes IPv4", "::ffff:192.0.2.33", "192.0.2.33"],
		["v4-mapped in hex", "::FFFF:c000:221", "192.0.2.33"],
		["v4-mapped, long", "0:0:0:0:0:ffff:192.0.2.33", "192.0.2.33"],
		["v4-mapped wildcard", "::ffff:0.0.0.0", "0.0.0.0"],
		["almost v4-mapped", "::1:ffff:c000:221", "::1:ffff:c000:221"],
		// RFC 5952
		["4.1: leading zeros go", "2001:0db8::0001", "2001:db8::1"],
		["4.2.1: as short as can be", "2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
		[
			"4.2.2: no `::` for one group",
			"2001:db8::1:1:1:1:1",
			"2001:db8:0:1:1:1:1:1",
		],
		["4.2.3: the longest run", "2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
		["4.2.3: the first of equals", "2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
		["4.3: lower case", "2001:DB8::ABCD", "2001:db8::abcd"],
		["run at the end", "1:0:0:2:0:0:0:0", "1:0:0:2::"],
		["run in front", "0:0:0:2:0:0:1:1", "::2:0:0:1:1"],
		["alternating zeros", "0:1:0:1:0:1:0:1", "0:1:0:1:0:1:0:1"],
	])("%s", (_, text, want) => expect(parseIP(text)).toBe(want));

	test.each([
		"",
		" ",
		"localhost",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"1.2.3.",
		".1.2.3",
		"1..2.3",
		"256.1.1.1",
		"1.1.1.999",
		"01.2.3.4",
		"1.2.3.00",
		"1.2.3.4 ",
		" 1.2.3.4",
		"1.2.3.4\n",
		"1.2.3.-4",
		"+1.2.3.4",
		"0x1.2.3.4",
		"1e0.2.3.4",
		"1.2.3.4/24",
		"1.2.3.4:80",
		"１.2.3.4",
		":",
		":::",
		"::1::",
		"1::2::3",
		":1",
		"1:",
		":1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4::5:6:7:8",
		"12345::",
		"g::1",
		"::1%eth0",
		"[::1]",
		"::1/128",
		"1.2.3.4::",
		"::1.2.3.4:5",
		"::1.2.3",
		"::01.2.3.4",
		"1:2:3:4:5:6:7:1.2.3.4",
		"::ffff:1.2.3.256",
		"-1::",
	])("no address: %j", (text) => expect(parseIP(text)).toBeUndefined());

	test("a text of megabytes is refused at once", () => {
		for (const text of ["1".repeat(1e6), ":".repeat(1e6), "1.".repeat(5e5)])
			expect(parseIP(text)).toBeUndefined();
	});
});

describe("parseCIDR", () => {
	test.each([
		["a prefix", "10.88.0.2/16", "10.88.0.2"],
		["no prefix", "10.88.0.2", "10.88.0.2"],
		["IPv6", "FD88::2/64", "fd88::2"],
		["host bits are kept", "10.88.255.255/8", "10.88.255.255"],
		["no address", "/16", undefined],
		["nothing after the slash", "10.88.0.2/", undefined],
		["a mask for a prefix", "10.88.0.2/255.255.0.0", undefined],
		["a negative prefix", "10.88.0.2/-1", undefined],
		["a space", "10.88.0.2 /16", undefined],
		["two prefixes", "10.88.0.2/16/3", undefined],
		["a prefix longer than the address", "10.88.0.2/33", undefined],
		["the longest prefix of IPv4", "10.88.0.2/32", "10.88.0.2"],
		["a prefix longer than an IPv6 address", "fd88::2/129", undefined],
		["the longest prefix of IPv6", "fd88::2/128", "fd88::2"],
	])("%s", (_, text, want) => expect(parseCIDR(text)).toBe(want));
});

describe("bytes and text", () => {
	test.each([
		["10.88.0.2", "0a58 0002", AF_INET, 4],
		["fd88::2", "fd880000 00000000 00000000 00000002", AF_INET6, 16],
		["::", "00000000 00000000 00000000 00000000", AF_INET6, 16],
	] as const)("%s on the wire", (ip, want, family, length) => {
		expect(toHex(ipBytes(ip))).toBe(toHex(hex(want)));
		expect(familyOf(ip)).toBe(family);
		expect(ipLength(family)).toBe(length);
	});

	test("what is no address has no bytes", () =>
		expect(() => ipBytes("10.0.0.256")).toThrow(
			new TypeError("not an IP address: 10.0.0.256"),
		));

	test("formatIP reads at its offset and no further", () => {
		const bytes = hex("ff ff fd880000 00000000 00000000 00000002 ff");
		expect(formatIP(bytes, 2, AF_INET6)).toBe("fd88::2");
		expect(formatIP(bytes, 2, AF_INET)).toBe("253.136.0.0");
	});

	test("a v4-mapped address is written as IPv4", () => {
		const bytes = hex("00000000 00000000 0000ffff cb007101");
		expect(formatIP(bytes, 0, AF_INET6)).toBe("203.0.113.1");
	});

	test("parsing what was formatted gives the same bytes and text", () => {
		const r = random(5952);
		for (let n = 0; n < 1000; n++) {
			const family = r.pick([AF_INET, AF_INET6] as const);
			const bytes = r.bytes(ipLength(family));
			// addresses with runs of zeros, of any length, anywhere
			for (let i = 0; i < bytes.length; i++) if (r.chance(0.6)) bytes[i] = 0;
			const text = formatIP(bytes, 0, family);
			expect(toHex(ipBytes(text))).toBe(toHex(bytes));
			expect(parseIP(text)).toBe(text);
			expect(parseIP(text.toUpperCase())).toBe(text);
		}
	});
});

test.each([
	["0.0.0.0", true],
	["::", true],
	["0.0.0.1", false],
	["::1", false],
	["127.0.0.1", false],
])("%s is unspecified: %s", (ip, want) => expect(isUnspecified(ip)).toBe(want));

test.each([
	["0.0.0.0", null],
	["::", null],
	["203.0.113.1", "203.0.113.1"],
	["::1", "::1"],
])("a hostIP of %s means %s", (ip, want) => expect(hostIPOf(ip)).toBe(want));
