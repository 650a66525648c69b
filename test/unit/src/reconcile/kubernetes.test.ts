// What Services and EndpointSlices have in common.

import { expect, test } from "vitest";
import {
	listOf,
	objectOf,
	protoOf,
	readIP,
	skipped,
	stringOf,
} from "../../../../src/reconcile/kubernetes.ts";

test.each<[unknown, string | undefined, boolean]>([
	["10.96.0.10", "10.96.0.10", false],
	["010.096.000.010", "10.96.0.10", true],
	["FD96::000A", "fd96::a", false],
	["0fd96::00010", "fd96::10", true],
	["::ffff:10.96.0.1", "10.96.0.1", false],
	["::", "::", false],
	["10.96.0.300", undefined, false],
	["None", undefined, false],
	["", undefined, false],
	["fe80::1%eth0", undefined, false],
	["0".repeat(1 << 20), undefined, false],
	[undefined, undefined, false],
	[null, undefined, false],
	[7, undefined, false],
])("the address %j", (value, want, isNoted) => {
	const notes: string[] = [];
	expect(readIP(value, (word) => notes.push(word))).toBe(want);
	expect(notes).toEqual(
		isNoted
			? [`${JSON.stringify(value)} is read as ${want}, as kube-proxy does`]
			: [],
	);
});

test.each<[unknown, number | undefined]>([
	["UDP", 17],
	["TCP", 6],
	["SCTP", 132],
	[undefined, 6],
	[null, 6],
	["", 6],
	["udp", undefined],
	["constructor", undefined],
	[17, undefined],
])("the protocol %j", (value, want) => expect(protoOf(value)).toBe(want));

test("lists, objects and texts that are none", () => {
	expect([null, undefined, [1], "x", {}].map(listOf)).toEqual([
		[],
		[],
		[1],
		undefined,
		undefined,
	]);
	expect([null, [1], "x", { a: 1 }].map(objectOf)).toEqual([
		{},
		{},
		{},
		{ a: 1 },
	]);
	expect(["a", "", 1, null].map(stringOf)).toEqual([
		"a",
		undefined,
		undefined,
		undefined,
	]);
});

test("a value that is skipped is named, and cut if it is long", () => {
	expect(skipped("ns/dns", "spec.externalIPs.0", "", "is no address")).toBe(
		'ns/dns: spec.externalIPs.0 is skipped: "" is no address',
	);
	expect(skipped("a", "b", "x".repeat(1000), "c").length).toBeLessThan(120);
});
