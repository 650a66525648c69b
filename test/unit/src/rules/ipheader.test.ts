// The conditions of an entry's header, each as ip_packet_match and ip6_packet_match have
// them.

import { describe, expect, test } from "vitest";
import { AF_INET, AF_INET6, ipBytes } from "../../../../src/net/ip.ts";
import {
	headerOf,
	LAYOUTS,
	onlyDestination,
} from "../../../../src/rules/ipheader.ts";
import { u16 } from "../../../support/entries.ts";
import { type Described, packetOf } from "../../../support/legacytable.ts";

/** A header in words: addresses with their masks, names of interfaces with theirs. */
interface Header {
	readonly src?: readonly [string, string];
	readonly dst?: readonly [string, string];
	/** The name, and how many of its bytes count. */
	readonly in?: readonly [string, number];
	readonly out?: readonly [string, number];
	readonly proto?: number;
	readonly flags?: number;
	/** IPT_INV_*. */
	readonly inverted?: number;
}

/** Other bytes stand before the header, so that offsets count from where it is. */
const BEFORE = 8;

function entry(family: 2 | 10, h: Header): Uint8Array {
	const { address, interfaces, proto, flags, inverted, entry } =
		LAYOUTS[family];
	const bytes = new Uint8Array(BEFORE + entry).fill(0xff, 0, BEFORE);
	const put = (at: number, part: Uint8Array): void =>
		bytes.set(part, BEFORE + at);
	for (const [i, pair] of [h.src, h.dst].entries()) {
		if (!pair) continue;
		put(i * address, ipBytes(pair[0]));
		put((2 + i) * address, ipBytes(pair[1]));
	}
	for (const [i, name] of [h.in, h.out].entries()) {
		if (!name) continue;
		put(interfaces + 16 * i, new TextEncoder().encode(name[0]));
		put(interfaces + 32 + 16 * i, new Uint8Array(name[1]).fill(0xff));
	}
	put(proto, u16(h.proto ?? 0));
	put(flags, Uint8Array.of(h.flags ?? 0));
	put(inverted, Uint8Array.of(h.inverted ?? 0));
	return bytes;
}

const V4 = { src: "192.0.2.7", dst: "203.0.113.1", dport: 8125 };
const V6 = { src: "fd07::7", dst: "fd03::1", dport: 8125 };
const FULL4 = "255.255.255.255";
const FULL6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
const [IN, OUT, SRC, DST, FRAG, PROTO] = [1, 2, 8, 16, 32, 64];

describe("IPv4", () => {
	test.each<[string, Header, Described, string]>([
		["source", { src: ["192.0.2.7", FULL4] }, V4, "yes"],
		["another source", { src: ["192.0.2.8", FULL4] }, V4, "no"],
		["net of the source", { src: ["192.0.2.0", "255.255.255.0"] }, V4, "yes"],
		["another net", { src: ["192.0.3.0", "255.255.255.0"] }, V4, "no"],
		["not the source", { src: ["192.0.2.7", FULL4], inverted: SRC }, V4, "no"],
		["destination", { dst: ["203.0.113.1", FULL4] }, V4, "yes"],
		["another destination", { dst: ["203.0.113.2", FULL4] }, V4, "no"],
		[
			"not another destination",
			{ dst: ["203.0.113.2", FULL4], inverted: DST },
			V4,
			"yes",
		],
		["no source at all", { inverted: SRC }, V4, "no"],
		["its interface", { in: ["eth0", 5] }, { ...V4, on: "eth0" }, "yes"],
		["another", { in: ["eth1", 5] }, { ...V4, on: "eth0" }, "no"],
		["a longer name", { in: ["eth0", 5] }, { ...V4, on: "eth01" }, "no"],
		["eth+", { in: ["eth+", 3] }, { ...V4, on: "eth01" }, "yes"],
		["eth+ of wlan0", { in: ["eth+", 3] }, { ...V4, on: "wlan0" }, "no"],
		["interface that is not known", { in: ["eth0", 5] }, V4, "maybe"],
		["not that", { in: ["eth0", 5], inverted: IN }, V4, "maybe"],
		["sent by the node", { in: ["eth0", 5] }, { ...V4, on: null }, "no"],
		[
			"not from eth0, sent by the node",
			{ in: ["eth0", 5], inverted: IN },
			{ ...V4, on: null },
			"yes",
		],
		["leaving, on arrival", { out: ["eth0", 5] }, { ...V4, on: "eth0" }, "no"],
		[
			"not leaving by eth0, on arrival",
			{ out: ["eth0", 5], inverted: OUT },
			V4,
			"yes",
		],
		["leaving", { out: ["eth0", 5] }, { ...V4, on: null }, "maybe"],
		["protocol", { proto: 17 }, V4, "yes"],
		["another protocol", { proto: 6 }, V4, "no"],
		["not another protocol", { proto: 6, inverted: PROTO }, V4, "yes"],
		["not the protocol", { proto: 17, inverted: PROTO }, V4, "no"],
		["fragments", { flags: 1 }, V4, "no"],
		["not fragments", { flags: 1, inverted: FRAG }, V4, "yes"],
		[
			"two of them, one of which fails",
			{ src: ["192.0.2.7", FULL4], dst: ["203.0.113.2", FULL4] },
			V4,
			"no",
		],
		[
			"two of them, one of which is not known",
			{ src: ["192.0.2.7", FULL4], in: ["eth0", 5] },
			V4,
			"maybe",
		],
	])("%s", (_, header, packet, want) =>
		expect(
			headerOf(entry(AF_INET, header), BEFORE, 2)?.(packetOf(packet)),
		).toBe(want),
	);

	test.each<[string, Header]>([
		["nothing", {}],
		["every interface, +", { in: ["+", 0] }],
		["every protocol, inverted, which the kernel ignores", { inverted: PROTO }],
		["goto", { flags: 2 }],
	])("no condition: %s", (_, header) =>
		expect(headerOf(entry(AF_INET, header), BEFORE, 2)).toBeUndefined(),
	);
});

describe("IPv6", () => {
	const F_PROTO = 1;
	test.each<[string, Header, Described, string]>([
		["source", { src: ["fd07::7", FULL6] }, V6, "yes"],
		["net", { src: ["fd07::", "ffff:ffff::"] }, V6, "yes"],
		["another net", { src: ["fd08::", "ffff:ffff::"] }, V6, "no"],
		["not", { dst: ["fd03::1", FULL6], inverted: DST }, V6, "no"],
		["interface", { in: ["eth0", 5] }, { ...V6, on: "eth0" }, "yes"],
		["protocol", { proto: 17, flags: F_PROTO }, V6, "yes"],
		["another protocol", { proto: 6, flags: F_PROTO }, V6, "no"],
		[
			"not another protocol",
			{ proto: 6, flags: F_PROTO, inverted: PROTO },
			V6,
			"yes",
		],
	])("%s", (_, header, packet, want) =>
		expect(
			headerOf(entry(AF_INET6, header), BEFORE, 10)?.(packetOf(packet)),
		).toBe(want),
	);

	test("no condition: a protocol without its flag", () =>
		expect(
			headerOf(entry(AF_INET6, { proto: 6 }), BEFORE, 10),
		).toBeUndefined());
});

describe("the only destination", () => {
	const only = (family: 2 | 10, header: Header): Uint8Array | undefined =>
		onlyDestination(entry(family, header), BEFORE, LAYOUTS[family]);
	test("is told with a full mask", () => {
		expect(only(2, { dst: ["203.0.113.1", FULL4] })).toEqual(
			ipBytes("203.0.113.1"),
		);
		expect(only(10, { dst: ["fd03::1", FULL6] })).toEqual(ipBytes("fd03::1"));
	});
	test.each<[string, Header]>([
		["inverted", { dst: ["203.0.113.1", FULL4], inverted: DST }],
		["a net", { dst: ["203.0.113.0", "255.255.255.254"] }],
		["none", {}],
		["a source", { src: ["203.0.113.1", FULL4] }],
	])("is not told if it is %s", (_, header) =>
		expect(only(2, header)).toBeUndefined(),
	);
});
