// The header of nfnetlink, between netlink's header and the attributes.

import { expect, test } from "vitest";
import { attributesAt, nfgenmsg } from "../../../../src/netlink/nfnl.ts";
import { Writer } from "../../../../src/netlink/nl.ts";
import {
	attributes,
	messageAt,
	RecvBuffer,
} from "../../../../src/netlink/reader.ts";
import { hex, toHex } from "../../../support/entries.ts";

test.each([
	["AF_UNSPEC", 0, "00 00 0000"],
	["AF_INET", 2, "02 00 0000"],
	["AF_INET6", 10, "0a 00 0000"],
])("of %s is family, version 0 and resource 0", (_, family, want) => {
	const w = new Writer();
	w.message(0x0101, 1, 7, () => nfgenmsg(w, family));
	expect(toHex(w.bytes().subarray(16))).toBe(toHex(hex(want)));
});

test("attributes begin after it, in any message of a datagram", () => {
	const w = new Writer();
	for (const value of [7, 8])
		w.message(0x0101, 1, value, () => {
			nfgenmsg(w, 2);
			w.u32(3, value);
		});
	const b = new RecvBuffer(256);
	b.bytes.set(w.bytes());
	const found: number[] = [];
	for (let at = 0; at < w.length; ) {
		const m = messageAt(b, at, w.length);
		attributes(b, attributesAt(m), m.end, (_, value) => {
			found.push(b.u32(value));
		});
		at = m.end;
	}
	expect(found).toEqual([7, 8]);
});
