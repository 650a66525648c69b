// The words of `reconcile` about an entry, and whose an old address is now.

import { describe, expect, test } from "vitest";
import { holders, line } from "../../../../src/cli/reconcile.words.ts";
import { IPPROTO_UDP } from "../../../../src/net/proto.ts";
import { BOOKS } from "../../../support/book.ts";
import { DNAT, flowEntry, mapping } from "../../../support/unit/flows.ts";
import {
	attached,
	CACHE,
	cachedFile,
	DIR,
	world,
} from "../../../support/unit/world.ts";

const { Q } = BOOKS.IPv4;
const udp = mapping("IPv4", "udp");
const P = attached("p", udp);
const HAS_Q = attached("q", { ...udp, podIP: Q, hostPort: 1 });
const LEFT = { [`${DIR}/departed`]: `[1,"ns/old",["${Q}"]]\n` };
const USED = { dir: CACHE, protocols: [IPPROTO_UDP] } as const;

describe("an old address", () => {
	test.each<[string, Parameters<typeof world>[1], object, string | undefined]>([
		["that nobody has now", [P], LEFT, "which left this node 4 min ago"],
		["that a recorded pod has now", [P, HAS_Q], LEFT, "which is ns/q"],
		[
			"that a pod without hostPorts has now",
			[P],
			{ ...LEFT, ...cachedFile(HAS_Q, { plugin: "bridge" }) },
			"which is ns/q",
		],
		["of which nothing is remembered", [P], {}, undefined],
	])("%s", (_, records, files, want) => {
		const { context } = world([], records, {
			files: files as Record<string, string>,
			now: 240_001,
		});
		expect(holders(context, USED)(Q)).toBe(want);
	});

	test("without libcni's cache is told by the records", () => {
		const files = { ...LEFT, ...cachedFile(HAS_Q) };
		const { context } = world([], [P], { files, now: 5001 });
		expect(holders(context, undefined)(Q)).toBe("which left this node 5 s ago");
	});
});

test("a line names the flow, the reason, whose the address is and the owner", () => {
	const e = flowEntry("IPv4", "udp", {
		orig: "C:1 > H:8125",
		reply: "Q:5353 > C:1",
		status: DNAT,
	});
	const flow = "udp 192.0.2.7:1 > 203.0.113.1:8125: ";
	expect(line(e, "other-pod", "ns/p", "which is ns/q")).toBe(
		`${flow}leads to 10.88.0.9:5353, which is ns/q, not to the pod (ns/p)`,
	);
	expect(line(e, "begun-by-pod", "ns/p", undefined)).toBe(
		`${flow}was begun by a pod that is gone (ns/p)`,
	);
	expect(line(e, "no-endpoint", "ns/dns", "which is ns/q")).toBe(
		`${flow}leads to 10.88.0.9:5353, which is ns/q, no endpoint (ns/dns)`,
	);
	expect(line(e, "dead-pod", undefined, "which is ns/q")).toBe(
		`${flow}leads to 10.88.0.9:5353, a pod that is gone`,
	);
	expect(
		line(e, "other-pod", undefined, "which is ns/q", "the rules say"),
	).toBe(`${flow}leads to 10.88.0.9:5353, which is ns/q; the rules say`);
	expect(line(e, "other-pod", undefined, undefined, "the rules say")).toBe(
		`${flow}leads to 10.88.0.9:5353; the rules say`,
	);
});
