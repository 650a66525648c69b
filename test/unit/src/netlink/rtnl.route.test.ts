// The interface behind an address: what is asked, and the answers as kernels send them.

import { describe, expect, test } from "vitest";
import { DecodeError, Writer } from "../../../../src/netlink/nl.ts";
import {
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import {
	getLinkOf,
	getRouteTo,
	readLinkName,
	readRouteInterface,
} from "../../../../src/netlink/rtnl.route.ts";
import {
	attr,
	be32,
	concat,
	hex,
	message,
	toHex,
	u8,
	u32,
} from "../../../support/entries.ts";

function encoded(write: (w: Writer) => void): string {
	const w = new Writer(16);
	write(w);
	return toHex(w.bytes());
}

function reading<T>(
	read: (b: RecvBuffer, m: Message) => T,
): (bytes: Uint8Array) => T {
	return (bytes) => {
		const b = new RecvBuffer(256);
		b.bytes.fill(0xa5);
		b.bytes.set(bytes);
		return read(b, messageAt(b, 0, bytes.length));
	};
}
const route = reading(readRouteInterface);
const name = reading(readLinkName);

describe("what is asked", () => {
	test("the route to an address of IPv4", () =>
		expect(encoded((w) => getRouteTo(w, 5, "192.0.2.7"))).toBe(
			toHex(
				hex(`
				24000000 1a00 0100 05000000 00000000 # RTM_GETROUTE, REQUEST
				02 20 00 00 00 00 00 00 00000000     # rtmsg: 32 bits of the destination
				0800 0100 c0000207                   # RTA_DST`),
			),
		));
	test("the route to an address of IPv6", () =>
		expect(encoded((w) => getRouteTo(w, 5, "fd07::7"))).toBe(
			toHex(
				hex(`
				30000000 1a00 0100 05000000 00000000
				0a 80 00 00 00 00 00 00 00000000
				1400 0100 fd070000000000000000000000000007`),
			),
		));
	test("the interface of an index", () =>
		expect(encoded((w) => getLinkOf(w, 6, 7))).toBe(
			toHex(
				hex(`
				20000000 1200 0100 06000000 00000000 # RTM_GETLINK, REQUEST
				00 00 0000 07000000 00000000 00000000 # ifinfomsg`),
			),
		));
});

const RTMSG = new Uint8Array(12);
const IFINFOMSG = new Uint8Array(16);

describe("what is answered", () => {
	test("a route", () =>
		expect(
			route(message({ type: 24 }, RTMSG, attr(1, be32(1)), attr(4, u32(7)))),
		).toBe(7));
	test.each([
		["no interface", concat(RTMSG, attr(1, be32(1)))],
		["an interface of two bytes", concat(RTMSG, attr(4, u8(7), u8(0)))],
		["only a part of its header", RTMSG.subarray(0, 5)],
	])("a route with %s is refused", (_, body) =>
		expect(() => route(message({ type: 24 }, body))).toThrow(DecodeError),
	);
	test("an interface", () =>
		expect(
			name(message({ type: 16 }, IFINFOMSG, attr(3, hex("6574683000")))),
		).toBe("eth0"));
	test.each([
		["no name", IFINFOMSG],
		["an attribute that is cut", concat(IFINFOMSG, hex("0900 0300 657468"))],
	])("an interface with %s is refused", (_, body) =>
		expect(() => name(message({ type: 16 }, body))).toThrow(DecodeError),
	);
});
