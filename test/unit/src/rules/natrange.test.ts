// The targets DNAT and REDIRECT, as iptables-legacy writes them and as it wrote them once.

import { describe, expect, test } from "vitest";
import { AF_INET, AF_INET6, type Family } from "../../../../src/net/ip.ts";
import { DecodeError } from "../../../../src/netlink/nl.ts";
import { dnat, redirect } from "../../../../src/rules/natrange.ts";
import { concat, hex, u32 } from "../../../support/entries.ts";
import { packetOf, wordsOf } from "../../../support/legacytable.ts";
import { readBlobs, viewOf } from "../../../support/unit/blobs.ts";

const recorded = readBlobs();
const packet = packetOf({ src: "192.0.2.7", dst: "203.0.113.1", dport: 8125 });

describe("recorded", () => {
	test.each<[string, Family, string]>([
		["dnat", AF_INET, "send to 10.88.0.2 port 5353"],
		["dnat-address", AF_INET, "send to 10.88.0.2"],
		["dnat-range", AF_INET, "send to 10.88.0.2 to 10.88.0.9 port 53 to 99"],
		["dnat-random", AF_INET, "send to 10.88.0.2"],
		["dnat-port", AF_INET, "unclear"],
		["dnat-shift", AF_INET, "unclear"],
		["dnat6", AF_INET6, "send to fd88::2 port 80"],
		["dnat6-range", AF_INET6, "send to fd88::2 to fd88::ff"],
		["dnat6-wide", AF_INET6, "unclear"],
	])("%s", (name, family, want) => {
		const { revision, blob } = recorded(name);
		expect(wordsOf(dnat(revision, blob, family), packet)).toBe(want);
	});

	test.each<[string, Family, string]>([
		["redirect", AF_INET, "send to itself port 5353"],
		["redirect-range", AF_INET, "send to itself port 5000 to 5353"],
		["redirect-bare", AF_INET, "send to itself"],
		["redirect6", AF_INET6, "send to itself port 5353"],
	])("%s", (name, family, want) =>
		expect(wordsOf(redirect(recorded(name).blob, family), packet)).toBe(want),
	);
});

/** struct nf_nat_ipv4_multi_range_compat: rangesize; flags, min_ip, max_ip, min, max. */
const compat = (ranges: number, flags: number, rest: string): DataView =>
	viewOf(concat(u32(ranges), u32(flags), hex(rest)));
/** struct nf_nat_range of IPv4, which has room for IPv6. */
const plain = (flags: number, min: string, max: string, ports: string) => {
	const room = "00".repeat(12);
	return viewOf(concat(u32(flags), hex(min + room + max + room + ports)));
};

describe("revisions that no iptables writes any more", () => {
	test("0 has the struct of IPv4 alone", () => {
		const blob = compat(1, 3, "0a580002 0a580009 0035 0063");
		const words = (family: Family): string =>
			wordsOf(dnat(0, blob, family), packet);
		expect(words(AF_INET)).toBe("send to 10.88.0.2 to 10.88.0.9 port 53 to 99");
		expect(words(AF_INET6)).toBe("unclear");
	});

	test("1 is as 2 without the port that shifts", () => {
		const blob = plain(3, "0a580002", "0a580002", "14e9 14e9");
		expect(wordsOf(dnat(1, blob, AF_INET), packet)).toBe(
			"send to 10.88.0.2 port 5353",
		);
	});
});

describe("what no kernel has taken is refused or unclear", () => {
	test.each([
		["no range", compat(0, 1, "0a580002 0a580002 0000 0000")],
		["two ranges", compat(2, 1, "0a580002 0a580002 0000 0000")],
		["a range that is cut", compat(1, 1, "0a580002 0a580002 0000 00")],
	])("%s", (_, blob) => {
		expect(() => dnat(0, blob, AF_INET)).toThrow(DecodeError);
		expect(() => redirect(blob, AF_INET)).toThrow(DecodeError);
	});

	test("a range of a later revision that is cut", () => {
		const { blob } = recorded("dnat");
		const cut = new DataView(blob.buffer, blob.byteOffset, 39);
		expect(() => dnat(2, cut, AF_INET)).toThrow(DecodeError);
		expect(() => redirect(cut, AF_INET6)).toThrow(DecodeError);
	});

	test.each([
		["addresses the wrong way round", 1, "0a580009", "0a580002", "0000 0000"],
		["ports the wrong way round", 3, "0a580002", "0a580002", "0063 0035"],
		["a net in place of a range", 65, "0a580000", "0a58ffff", "0000 0000"],
	])("%s", (_, flags, min, max, ports) => {
		const blob = plain(flags, min, max, ports);
		expect(wordsOf(dnat(1, blob, AF_INET), packet)).toBe("unclear");
	});

	test("a redirection whose ports are the wrong way round, or shift", () => {
		const words = (flags: number, rest: string): string =>
			wordsOf(redirect(compat(1, flags, rest), AF_INET), packet);
		expect(words(2, "00000000 00000000 0063 0035")).toBe("unclear");
		expect(words(34, "00000000 00000000 0035 0063")).toBe("unclear");
	});
});
