// Entries that a departed pod began from a hostPort: who has the port now, and when they
// are nobody's.

import { describe, expect, test } from "vitest";
import { begunByDeparted } from "../../../../src/policy/begun.ts";
import { BOOKS, isLocal } from "../../../support/book.ts";
import {
	FAMILIES,
	type Flow,
	flowEntry,
	mapping,
	PROTOS,
} from "../../../support/unit/flows.ts";

describe.each(FAMILIES)("%s", (family) => {
	const { Q, H, H2, G, P } = BOOKS[family];
	const m = mapping(family, "udp");
	const BEGUN: Flow = { orig: "Q:5353 > S:41234", reply: "S:41234 > H:8125" };
	const departed = new Map<string, unknown>([
		[Q, 0],
		[P, 0],
		[G, 0],
	]);

	test.each<[string, Flow, boolean]>([
		["from the hostPort's number to a peer", BEGUN, true],
		[
			"of the same source port as it is translated to",
			{ ...BEGUN, orig: "Q:8125 > S:41234" },
			true,
		],
		[
			"to the node's second address",
			{ ...BEGUN, reply: "S:41234 > H2:8125" },
			true,
		],
		["of another hostPort", { ...BEGUN, reply: "S:41234 > H:8126" }, false],
		[
			"translated to an address that is not the node's",
			{ ...BEGUN, reply: "S:41234 > V:8125" },
			false,
		],
		["that was not translated", { orig: "Q:8125 > S:41234" }, false],
		[
			"of a pod that has not left",
			{ ...BEGUN, orig: "N:5353 > S:41234" },
			false,
		],
		["of the node itself", { ...BEGUN, orig: "G:5353 > S:41234" }, false],
		["of another protocol", { ...BEGUN, proto: "tcp" }, false],
	])("an entry %s", (_, flow, want) => {
		const find = begunByDeparted([m], departed, () => false, isLocal);
		const e = flowEntry(family, "udp", flow);
		expect(find(e)).toBe(want ? m : undefined);
	});

	test("is somebody's if somebody has the address", () => {
		const find = begunByDeparted([m], departed, (ip) => ip === Q, isLocal);
		expect(find(flowEntry(family, "udp", BEGUN))).toBeUndefined();
	});

	test("is found by a mapping of the very address alone", () => {
		const e = flowEntry(family, "udp", BEGUN);
		const found = (hostIP: string) =>
			begunByDeparted([{ ...m, hostIP }], departed, () => false, isLocal)(e);
		expect(found(H)?.hostIP).toBe(H);
		expect(found(H2)).toBeUndefined();
	});
});

test.each(PROTOS)("a mapping of another family finds nothing: %s", (proto) => {
	const find = begunByDeparted(
		[mapping("IPv6", proto)],
		new Map([[BOOKS.IPv4.Q, 0]]),
		() => false,
		isLocal,
	);
	const e = flowEntry("IPv4", proto, {
		orig: "Q:5353 > S:41234",
		reply: "S:41234 > H:8125",
	});
	expect(find(e)).toBeUndefined();
});
