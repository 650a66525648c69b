// Which rules need not be decoded. A rule that might concern a packet must never be held
// back, so most rows are rules that look as if they did not.

import { describe, expect, test } from "vitest";
import { RecvBuffer } from "../../../../src/netlink/reader.ts";
import { mayConcern } from "../../../../src/rules/screen.ts";
import { damaged } from "../../../fuzz/mutate.ts";
import { be16, be32, hex } from "../../../support/entries.ts";
import { interestIn } from "../../../support/legacytable.ts";
import { random } from "../../../support/random.ts";
import {
	compareOf,
	dataOf,
	expressionOf,
	payloadOf,
	ruleOf,
	verdictOf,
} from "../../../support/unit/nftexpressions.ts";
import { packetIn } from "../../../support/unit/rulesets.ts";

const V4 = interestIn(packetIn("udp 192.0.2.7 > 203.0.113.1:8125"));
const V6 = interestIn(packetIn("udp fd07::7 > [fd03::1]:8125"));

function isKept(bytes: Uint8Array, interest = V4, at = 0): boolean {
	const b = new RecvBuffer((at + bytes.length + 3) & ~3);
	b.bytes.set(bytes, at);
	// netlink's header of 16 bytes and that of nfnetlink
	return mayConcern(b, at + 20, at + bytes.length, interest);
}

const port = (n: number): readonly Uint8Array[] => [
	payloadOf(2, 2, 2),
	compareOf(0, be16(n)),
];
const to = (address: string): readonly Uint8Array[] => [
	payloadOf(1, 16, 4),
	compareOf(0, hex(address)),
];
const OURS = "cb007101";
const OTHER = "0a60000a";
const protocol = [
	expressionOf("meta", { 1: 1, 2: 16 }),
	compareOf(0, hex("11")),
];
const verdict = expressionOf("immediate", { 1: 0, 2: verdictOf(1) });

describe("held back", () => {
	test.each([
		["another port", port(53)],
		["another address", to(OTHER)],
		["another port at our address", [...to(OURS), ...port(53)]],
		["another address, after the protocol", [...protocol, ...to(OTHER)]],
		[
			"another port, after a counter and a match",
			[expressionOf("counter"), expressionOf("match"), ...port(53), verdict],
		],
		[
			"another port, after the kind of the destination",
			[
				expressionOf("fib", { 1: 1, 2: 3, 3: 2 }),
				compareOf(0, be32(2)),
				...port(53),
			],
		],
	])("%s", (_, expressions) =>
		expect(isKept(ruleOf(2, ...expressions))).toBe(false),
	);
	test("another address of IPv6", () => {
		const rule = [
			payloadOf(1, 24, 16),
			compareOf(0, hex("fd030000 00000000 00000000 00000002")),
		];
		expect(isKept(ruleOf(10, ...rule), V6)).toBe(false);
	});
});

describe("kept", () => {
	test.each([
		["no expression", []],
		["our port", port(8125)],
		["our port at our address", [...to(OURS), ...port(8125)]],
		["not another port", [payloadOf(2, 2, 2), compareOf(1, be16(53))]],
		["up to another port", [payloadOf(2, 2, 2), compareOf(3, be16(53))]],
		["another source port", [payloadOf(2, 0, 2), compareOf(0, be16(53))]],
		["another source", [payloadOf(1, 12, 4), compareOf(0, hex(OTHER))]],
		["a network", [payloadOf(1, 16, 3), compareOf(0, hex("0a6000"))]],
		[
			"an address under a mask",
			[
				payloadOf(1, 16, 4),
				expressionOf("bitwise", {
					1: 1,
					2: 1,
					3: 4,
					4: dataOf(hex("ff000000")),
					5: dataOf(be32(0)),
				}),
				compareOf(0, hex("0a000000")),
			],
		],
		[
			"a port that another register has",
			[
				expressionOf("payload", { 1: 2, 2: 2, 3: 2, 4: 2 }),
				compareOf(0, be16(53)),
			],
		],
		[
			"a comparison of more bytes",
			[payloadOf(2, 2, 2), compareOf(0, hex("00350000"))],
		],
		["a verdict before another port", [verdict, ...port(53)]],
		[
			"a lookup before another port",
			[expressionOf("lookup", { 2: 1, 3: 0 }), ...port(53)],
		],
		[
			"what nobody knows before another port",
			[expressionOf("new"), ...port(53)],
		],
		[
			"a port that is written into the packet first",
			[expressionOf("payload", { 2: 2, 3: 2, 4: 2, 5: 1 }), ...port(53)],
		],
	])("%s", (_, expressions) =>
		expect(isKept(ruleOf(2, ...expressions))).toBe(true),
	);
});

test("a rule that is damaged is kept or held back, and nothing else happens", () => {
	const rule = ruleOf(2, ...protocol, ...to(OURS), ...port(53), verdict);
	let kept = 0;
	for (let seed = 0; seed < 3000; seed++)
		if (isKept(damaged(random(seed), rule), V4, 4 * (seed % 3))) kept++;
	expect(kept).toBeGreaterThan(300);
	expect(kept).toBeLessThan(2700);
});
