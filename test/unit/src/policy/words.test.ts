// The words of verdicts, names and times.

import { describe, expect, test } from "vitest";
import type { Reason } from "../../../../src/policy/stale.ts";
import {
	age,
	begunInWords,
	leftAgo,
	nameOf,
	passingInWords,
	printable,
	staleInWords,
} from "../../../../src/policy/words.ts";
import { isLocal } from "../../../support/book.ts";
import { DNAT, flowEntry, mapping } from "../../../support/unit/flows.ts";
import { attached } from "../../../support/unit/world.ts";

const MINUTE = 60_000;
const Q = attached("q", mapping("IPv4", "udp"));

describe("a time", () => {
	test.each([
		[0, "0 s"],
		[59_999, "59 s"],
		[MINUTE, "1 min"],
		[59 * MINUTE, "59 min"],
		[60 * MINUTE, "1 h"],
		[47 * 60 * MINUTE, "47 h"],
		[48 * 60 * MINUTE, "2 days"],
		[-5, "0 s"], // a clock that began anew
	])("of %d ms is %s", (ms, want) => expect(age(ms)).toBe(want));

	test("since a pod left", () =>
		expect(leftAgo(4 * MINUTE)).toBe("which left this node 4 min ago"));
});

describe("a name", () => {
	test.each([
		["of a pod", Q, "ns/q"],
		[
			"of a container, if the runtime named no pod",
			{ ...Q, pod: undefined, containerID: "0123456789abcdef" },
			"container 0123456789ab",
		],
		[
			"that would paint the terminal",
			{ ...Q, pod: "ns/\x1b[31mq" },
			"ns/?[31mq",
		],
	])("%s", (_, a, want) => expect(nameOf(a)).toBe(want));

	test.each([
		["plain-text_1.2", "plain-text_1.2"],
		["a\nb\tc\x7f\x9b", "a?b?c??"],
		["p\u00f6d", "p?d"],
	])("%j is printed as %s", (name, want) => expect(printable(name)).toBe(want));
});

describe("a stale entry", () => {
	const toPod = flowEntry("IPv4", "udp", {
		orig: "C:1 > H:8125",
		reply: "Q:5353 > C:1",
		status: DNAT,
	});
	test.each<[Reason, typeof Q | undefined, string]>([
		["other-pod", undefined, "sends to 10.88.0.9, which no recorded pod has"],
		["other-pod", Q, "sends to 10.88.0.9, which is ns/q"],
		[
			"other-port",
			undefined,
			"sends to 10.88.0.9:5353, not the port that is mapped",
		],
		["other-port", Q, "sends to 10.88.0.9:5353, not the port that is mapped"],
		[
			"no-dnat",
			undefined,
			"came while no rule was there, and ends on the node itself",
		],
		["retired", Q, "was retired by a DEL, and ends in a moment"],
	])("by %s, with the owner %o", (reason, owner, want) =>
		expect(staleInWords(toPod, reason, owner)).toBe(want),
	);
});

test("an entry that a pod began names the pod's address, its peer and the frontend", () => {
	const e = flowEntry("IPv6", "udp", {
		orig: "Q:5353 > S:41234",
		reply: "S:41234 > H:8125",
	});
	expect(begunInWords(e, 4 * MINUTE)).toBe(
		"was begun by fd88::9, which left this node 4 min ago, and takes what [fd09::9]:41234 sends to [fd03::1]:8125",
	);
});

test.each([
	["N:1 > S:8125", "goes to 198.51.100.9, which the hostPort is not mapped on"],
	["C:1 > H:8125", "ends on the node itself, as its own listeners' entries do"],
])("an entry %s that passes by %s", (orig, want) =>
	expect(passingInWords(flowEntry("IPv4", "tcp", { orig }), isLocal)).toBe(
		want,
	),
);
