// The layout that the kernel gives a tuple: it is recognised word for word.

import { describe, expect, test } from "vitest";
import { isPlain } from "../../../../src/conntrack/layout.ts";
import { tuple, tupleBytes, words } from "../../../support/entries.ts";
import { readRecorded } from "../../../support/unit/fixtures.ts";

const TUPLES = {
	IPv4: words(tupleBytes(tuple("192.0.2.7:6000 > 203.0.113.1:8125"), 17)),
	IPv6: words(tupleBytes(tuple("[fd07::7]:6000 > [fd03::1]:8125"), 17)),
};
/** The words that hold values and not headers: addresses, the protocol, ports. */
const VALUES = {
	IPv4: [2, 4, 7, 9, 11],
	IPv6: [2, 3, 4, 5, 7, 8, 9, 10, 13, 15, 17],
};

describe.each(["IPv4", "IPv6"] as const)("a tuple of %s", (family) => {
	const bytes = TUPLES[family];
	const isV4 = family === "IPv4";

	test("is recognised, in its own family alone", () => {
		expect(isPlain(bytes, 0, isV4)).toBe(true);
		expect(isPlain(bytes, 0, !isV4)).toBe(false);
	});

	test("is recognised only at its first word", () => {
		const moved = new Int32Array(bytes.length + 1);
		moved.set(bytes, 1);
		expect(isPlain(moved, 1, isV4)).toBe(true);
		expect(isPlain(moved, 0, isV4)).toBe(false);
	});

	test("is another if any header is, and the same with any values", () => {
		for (let i = 0; i < bytes.length; i++) {
			const changed = bytes.slice();
			changed[i] = ~(changed[i] ?? 0);
			const isValue = VALUES[family].includes(i);
			expect(isPlain(changed, 0, isV4), `word ${i}`).toBe(isValue);
		}
	});

	test("is none if it is cut", () => {
		for (let n = 0; n < bytes.length - 1; n++)
			expect(isPlain(bytes.subarray(0, n), 0, isV4), `${n} words`).toBe(false);
	});
});

test("recorded entries with ports have it, those of ICMP do not", () => {
	for (const { name, message } of readRecorded()) {
		// after netlink's header, nfgenmsg and the tuple's own header
		const first = words(message.slice(24, message.length & ~3));
		const found = isPlain(first, 0, true) || isPlain(first, 0, false);
		expect(found, name).toBe(!/icmp/.test(name));
	}
});
