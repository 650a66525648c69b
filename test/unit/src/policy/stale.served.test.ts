// Entries that a live mapping of their very destination address serves: ADD leaves them
// alone, although the new mapping claims any address.

import { describe, expect, test } from "vitest";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { servedBy } from "../../../../src/policy/stale.ts";
import { BOOKS } from "../../../support/book.ts";
import { flowEntry, mapping } from "../../../support/unit/flows.ts";

const { H, H2, Q } = BOOKS.IPv4;
const m = mapping("IPv4", "udp");
const holds = (...mappings: Attachment["mappings"]): Attachment => ({
	network: "dbnet",
	containerID: "4f2e",
	ifname: "eth0",
	pod: "ns/name",
	added: 1234,
	mappings,
	podTargets: [],
});

describe("servedBy: where a live mapping of that very address sends it", () => {
	const to = (leads: string) =>
		flowEntry("IPv4", "udp", {
			orig: "C:6000 > H2:8125",
			reply: `${leads} > C:6000`,
		});
	test.each<[string, Attachment[], string, boolean]>([
		[
			"to the pod that maps the address",
			[holds({ ...m, hostIP: H2, podIP: Q })],
			"Q:5353",
			true,
		],
		[
			"to another pod",
			[holds({ ...m, hostIP: H2, podIP: Q })],
			"N:5353",
			false,
		],
		[
			"to another port of it",
			[holds({ ...m, hostIP: H2, podIP: Q })],
			"Q:53",
			false,
		],
		["to nobody", [holds({ ...m, hostIP: H2, podIP: Q })], "H2:8125", false],
		[
			"to a pod that maps another address",
			[holds({ ...m, hostIP: H, podIP: Q })],
			"Q:5353",
			false,
		],
		[
			"to a pod that maps any address",
			[holds({ ...m, podIP: Q })],
			"Q:5353",
			false,
		],
		[
			"by a mapping of another port",
			[holds({ ...m, hostIP: H2, podIP: Q, hostPort: 53 })],
			"Q:5353",
			false,
		],
		[
			"by a mapping of another protocol",
			[holds({ ...m, hostIP: H2, podIP: Q, proto: 6 })],
			"Q:5353",
			false,
		],
		[
			"by the second of two",
			[holds(), holds(m, { ...m, hostIP: H2, podIP: Q })],
			"Q:5353",
			true,
		],
		["by none", [], "Q:5353", false],
	])("%s", (_, live, leads, want) =>
		expect(servedBy(live)(to(leads))).toBe(want),
	);
});
