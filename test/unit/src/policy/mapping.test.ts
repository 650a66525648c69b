// The owner of a port, a mapping or an address, among recorded attachments.

import { describe, expect, test } from "vitest";
import {
	type Attachment,
	isAssigned,
	isInherited,
	isSame,
} from "../../../../src/policy/mapping.ts";
import { BOOKS } from "../../../support/book.ts";
import { mapping } from "../../../support/unit/flows.ts";

const ID = { network: "dbnet", containerID: "4f2e", ifname: "eth0" };
const RECORD: Attachment = {
	...ID,
	pod: "ns/name",
	added: 1234,
	mappings: [],
	podTargets: [],
};

test.each([
	["itself", {}, true],
	["another network", { network: "x" }, false],
	["another container", { containerID: "x" }, false],
	["another interface", { ifname: "x" }, false],
])("is the same attachment: %s", (_, change, want) => {
	expect(isSame(ID, { ...ID, ...change })).toBe(want);
	expect(isSame({ ...ID, ...change }, ID)).toBe(want);
});

const { H, H2, P, Q } = BOOKS.IPv4;
const m = mapping("IPv4", "udp");
const holds = (...mappings: Attachment["mappings"]): Attachment => ({
	...RECORD,
	mappings,
});

describe("isInherited: another attachment has got this very mapping", () => {
	const mine = { ...m, hostIP: H };
	test.each([
		["the same", [holds(m)], m, true],
		["another pod's address", [holds({ ...m, podIP: Q })], m, false],
		["another port", [holds({ ...m, hostPort: 53 })], m, false],
		["another container port", [holds({ ...m, containerPort: 53 })], m, false],
		["another protocol", [holds({ ...m, proto: 6 })], m, false],
		["of one address, mine of any", [holds(mine)], m, false],
		["of any, mine of one address", [holds(m)], mine, true],
		["both of the same address", [holds(mine)], mine, true],
		["each of its own address", [holds({ ...m, hostIP: H2 })], mine, false],
		["the second of two", [holds(), holds({ ...m, podIP: Q }, m)], m, true],
		["none", [], m, false],
	])("%s", (_, others, given, want) =>
		expect(isInherited(others, given)).toBe(want),
	);
});

test.each([
	["by a mapping", [holds(m)], P, true],
	[
		"as a pod without mappings",
		[{ ...RECORD, mappings: [], podTargets: [m] }],
		P,
		true,
	],
	["not at all", [holds(m)], Q, false],
	["by nobody", [], P, false],
])("isAssigned: %s", (_, others, ip, want) =>
	expect(isAssigned(others, ip)).toBe(want),
);
