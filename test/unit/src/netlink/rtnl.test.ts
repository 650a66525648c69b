// The requests for routes and interfaces, and the answers as kernels send them.

import { describe, expect, test } from "vitest";
import { LocalAddresses } from "../../../../src/flush/addresses.ts";
import { AF_INET, AF_INET6 } from "../../../../src/net/ip.ts";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import { messageAt, RecvBuffer } from "../../../../src/netlink/reader.ts";
import {
	getLink,
	getLocalRoutes,
	readLinkIndex,
	readLocalRoute,
} from "../../../../src/netlink/rtnl.ts";
import {
	attr,
	be32,
	hex,
	message,
	type Route,
	routeMessage,
	toHex,
	u8,
	u32,
} from "../../../support/entries.ts";
import { random } from "../../../support/random.ts";

function encoded(write: (w: Writer) => void): string {
	const w = new Writer(16);
	write(w);
	return toHex(w.bytes());
}

function reading<T>(
	read: (b: RecvBuffer, m: ReturnType<typeof messageAt>) => T,
) {
	return (bytes: Uint8Array): T => {
		const b = new RecvBuffer(256);
		b.bytes.fill(0xa5);
		b.bytes.set(bytes);
		const found = read(b, messageAt(b, 0, bytes.length));
		b.bytes.fill(0);
		return found;
	};
}
const route = reading(readLocalRoute);
const link = reading(readLinkIndex);

describe("what is asked", () => {
	test.each([
		[
			"the local table of IPv4",
			(w: Writer) => getLocalRoutes(w, 2, AF_INET),
			`1c000000 1a00 0103 02000000 00000000  # RTM_GETROUTE, REQUEST|DUMP
			 02 00 00 00                           # AF_INET, no prefix
			 ff 00 00 00                           # RT_TABLE_LOCAL
			 00000000`,
		],
		[
			"the local table of IPv6",
			(w: Writer) => getLocalRoutes(w, 3, AF_INET6),
			`1c000000 1a00 0103 03000000 00000000
			 0a 00 00 00 ff 00 00 00 00000000`,
		],
		[
			"one interface, by its name",
			(w: Writer) => getLink(w, 1, "kube-ipvs0"),
			`30000000 1200 0100 01000000 00000000  # RTM_GETLINK, REQUEST
			 00000000 00000000 00000000 00000000   # ifinfomsg
			 0f00 0300 6b756265 2d697076 733000 00 # IFLA_IFNAME`,
		],
	])("%s", (_, write, want) => expect(encoded(write)).toBe(toHex(hex(want))));
});

describe("readLink", () => {
	const ifinfomsg = hex("00 00 0100 07000000 00000000 00000000");
	test("the index, host order", () =>
		expect(link(message({ type: 16 }, ifinfomsg))).toBe(7));
	test.each([
		["another message", message({ type: 24 }, ifinfomsg)],
		["one that is cut", message({ type: 16 }, ifinfomsg.subarray(0, 15))],
		["nothing but a header", message({ type: 16 })],
	])("refuses %s", (_, bytes) =>
		expect(() => link(bytes)).toThrow(DecodeError),
	);
});

describe("readLocalRoute", () => {
	test.each([
		[
			"an address",
			{ prefix: "203.0.113.1/32", oif: 2 },
			{ length: 32, local: true, oif: 2 },
		],
		[
			"loopback as a whole",
			{ prefix: "127.0.0.0/8", oif: 1 },
			{ length: 8, local: true, oif: 1 },
		],
		[
			"broadcast",
			{ prefix: "127.255.255.255/32", type: 3 },
			{ length: 32, local: false, oif: 0 },
		],
		[
			"IPv6",
			{ prefix: "fd03::1/128", oif: 2 },
			{ length: 128, local: true, oif: 2 },
		],
		[
			"anycast",
			{ prefix: "fd03::/128", type: 4 },
			{ length: 128, local: false, oif: 0 },
		],
		[
			"multicast",
			{ prefix: "ff00::/8", type: 5 },
			{ length: 8, local: false, oif: 0 },
		],
		[
			"a default route, which has no RTA_DST",
			{ prefix: "0.0.0.0/0", oif: 1 },
			{ length: 0, local: true, oif: 1 },
		],
	] as const)("%s", (_, given: Route, want) => {
		const found = route(routeMessage(given, 1));
		expect(found).toMatchObject(want);
		const [address = ""] = given.prefix.split("/");
		const locals = new LocalAddresses();
		if (found) locals.add({ ...found, local: true });
		expect(locals.has(address)).toBe(true);
	});

	test("of another table is passed over: kernels before 4.20 send them all", () => {
		expect(
			route(routeMessage({ prefix: "0.0.0.0/0", table: 254, type: 1 }, 1)),
		).toBeUndefined();
		expect(
			route(routeMessage({ prefix: "203.0.113.1/32", table: 254 }, 1)),
		).toBeUndefined();
	});

	test("with attributes of wrong sizes and kinds is read without them", () => {
		const rtmsg = Uint8Array.of(2, 32, 0, 0, 255, 2, 0, 2, 0, 0, 0, 0);
		const found = route(
			message(
				{ type: 24 },
				rtmsg,
				attr(99, u8(1)),
				attr(4, u8(7)),
				attr(1, be32(0xcb007101)),
				attr(6, u32(0)),
			),
		);
		expect(found).toMatchObject({ length: 32, oif: 0 });
		expect(toHex(found?.prefix ?? hex(""))).toBe("cb007101");
	});

	test.each([
		["without its header", message({ type: 24 }, hex("02 20"))],
		[
			"with an attribute that is too long",
			message(
				{ type: 24 },
				Uint8Array.of(2, 32, 0, 0, 255, 2, 0, 2, 0, 0, 0, 0),
				hex("ff00 0100 00000000"),
			),
		],
	])("refuses one %s", (_, bytes) =>
		expect(() => route(bytes)).toThrow(DecodeError),
	);
});

describe("LocalAddresses", () => {
	/** The local tables of a node, as `ip route show table local` and `ip -6 …` show them. */
	const NODE: readonly Route[] = [
		{ prefix: "127.0.0.0/8" },
		{ prefix: "127.0.0.1/32" },
		{ prefix: "127.255.255.255/32", type: 3 },
		{ prefix: "203.0.113.1/32" },
		{ prefix: "203.0.113.10/32" }, // secondary
		{ prefix: "203.0.113.0/32", type: 3 },
		{ prefix: "203.0.113.255/32", type: 3 },
		{ prefix: "10.88.0.1/32" },
		{ prefix: "198.18.0.0/15" }, // ip route add local
		{ prefix: "198.18.7.0/24", type: 3 }, // a hole in it
		{ prefix: "198.18.7.7/32" }, // and an address in the hole
		{ prefix: "::1/128" },
		{ prefix: "fd03::1/128" },
		{ prefix: "fd03::/128", type: 4 },
		{ prefix: "fe80::1234/128" },
		{ prefix: "2001:db8:8000::/33" },
		{ prefix: "ff00::/8", type: 5 },
	];
	const locals = new LocalAddresses();
	for (const given of NODE) {
		const found = route(routeMessage(given, 1));
		if (found) locals.add(found);
	}

	test.each([
		["the first address", "203.0.113.1", true],
		["a secondary address", "203.0.113.10", true],
		["the bridge's", "10.88.0.1", true],
		["a neighbour in the subnet", "203.0.113.2", false],
		["the subnet itself", "203.0.113.0", false],
		["the subnet's broadcast", "203.0.113.255", false],
		["127.0.0.1", "127.0.0.1", true],
		["any other address of loopback", "127.8.9.10", true],
		["the broadcast inside of loopback", "127.255.255.255", false],
		["the address before loopback", "126.255.255.255", false],
		["the address after loopback", "128.0.0.0", false],
		["the first of a locally routed prefix", "198.18.0.0", true],
		["the last of a locally routed prefix", "198.19.255.255", true],
		["one past it", "198.20.0.0", false],
		["a longer prefix in it that is not local", "198.18.7.1", false],
		["a still longer one that is", "198.18.7.7", true],
		["a pod", "10.88.0.2", false],
		["an external address", "198.51.100.9", false],
		["multicast", "224.0.0.251", false],
		["limited broadcast", "255.255.255.255", false],
		["unspecified", "0.0.0.0", false],
		["::1", "::1", true],
		["an IPv6 address", "fd03::1", true],
		["its neighbour", "fd03::2", false],
		["anycast of the subnet's routers", "fd03::", false],
		["link-local", "fe80::1234", true],
		["IPv6 multicast", "ff02::fb", false],
		["inside of a prefix that ends within a byte", "2001:db8:ffff::9", true],
		["outside of it by one bit", "2001:db8:7fff::9", false],
		["IPv6 unspecified", "::", false],
	])("%s: %s is local: %s", (_, ip, want) => expect(locals.has(ip)).toBe(want));

	test("none without routes", () => {
		const none = new LocalAddresses();
		expect(none.has("127.0.0.1")).toBe(false);
		expect(none.has("::1")).toBe(false);
	});

	test("the longest match decides, whatever the order and the lengths", () => {
		const r = random(255);
		for (let n = 0; n < 500; n++) {
			const routes = Array.from({ length: r.below(12) }, () => {
				const bits = Array.from({ length: 32 }, () => r.below(2));
				return { bits, length: r.below(33), local: r.chance(0.5) };
			});
			// of two routes with the same prefix, either may win
			const distinct = [
				...new Map(
					routes.map((x) => [x.bits.slice(0, x.length).join(""), x]),
				).values(),
			];
			const some = new LocalAddresses();
			for (const { bits, length, local } of distinct)
				some.add({ prefix: bytesOf(bits), length, local, oif: 0 });
			// near one of them, or anywhere
			const near =
				distinct.length > 0 && r.chance(0.8) ? r.pick(distinct).bits : [];
			const bits = Array.from(
				{ length: 32 },
				(_, i) => (r.chance(0.9) ? near[i] : undefined) ?? r.below(2),
			);
			const text = bits.join("");
			const best = distinct
				.filter((x) => text.startsWith(x.bits.slice(0, x.length).join("")))
				.sort((a, b) => b.length - a.length)[0];
			expect(some.has([...bytesOf(bits)].join("."))).toBe(best?.local ?? false);
		}
	});
});

function bytesOf(bits: readonly number[]): Uint8Array {
	return Uint8Array.from({ length: 4 }, (_, i) =>
		Number.parseInt(bits.slice(8 * i, 8 * i + 8).join(""), 2),
	);
}
