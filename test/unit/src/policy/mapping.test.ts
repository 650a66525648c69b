// The owner of a port, a mapping or an address, among recorded attachments.

import { describe, expect, test } from "vitest";
import {
	type Attachment,
	isAssigned,
	isSame,
	leadsTo,
} from "../../../../src/policy/mapping.ts";
import { BOOKS } from "../../../support/book.ts";
import { DNAT, flowEntry, mapping } from "../../../support/unit/flows.ts";

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

describe("leadsTo: the entry came through this mapping, and leads to its pod", () => {
	const e = flowEntry("IPv4", "udp", {
		orig: "C:6000 > H:8125",
		reply: "P:5353 > C:6000",
		status: DNAT,
	});
	test.each([
		["the same", m, true],
		["another pod's address", { ...m, podIP: Q }, false],
		["another port", { ...m, hostPort: 53 }, false],
		["another container port", { ...m, containerPort: 53 }, false],
		["another protocol", { ...m, proto: 6 as const }, false],
		["on the address that it came to", { ...m, hostIP: H }, true],
		["on another address", { ...m, hostIP: H2 }, false],
	])("%s", (_, given, want) => expect(leadsTo(given, e)).toBe(want));
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
