// Entries that a pod began from its hostPort, and the kernel's filter for them.

import { describe, expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import type { Mapping } from "../../../../src/policy/mapping.ts";
import { begunByPod, begunFilter } from "../../../../src/policy/stale.ts";
import { random } from "../../../support/random.ts";
import {
	DNAT,
	FAMILIES,
	type FamilyRow,
	flowEntry,
	mapping,
	PROTOS,
} from "../../../support/unit/flows.ts";

const SNAT = ["SRC_NAT"] as const;

const ROWS: readonly (FamilyRow & { readonly want: boolean })[] = [
	{
		name: "masquerade kept the port, and the peer sends to the hostPort",
		flow: { orig: "P:8125 > S:41234", reply: "S:41234 > H:8125", status: SNAT },
		want: true,
	},
	{
		name: "from another port, which masquerade made the hostPort",
		flow: { orig: "P:5353 > S:41234", reply: "S:41234 > H:8125", status: SNAT },
		want: true,
	},
	{
		name: "to the same port of the peer",
		flow: { orig: "P:8125 > S:8125", reply: "S:8125 > H:8125", status: SNAT },
		want: true,
	},
	{
		name: "without the status bit of NAT, as a tool may make it",
		flow: { orig: "P:8125 > S:41234", reply: "S:41234 > H:8125" },
		want: true,
	},
	{
		name: "to a Service, from whose endpoint the replies come",
		flow: {
			orig: "P:8125 > V:53",
			reply: "N:53 > G:8125",
			status: ["SRC_NAT", "DST_NAT"],
		},
		want: true,
	},
	{
		name: "through an address that has left the node",
		flow: { orig: "P:8125 > S:41234", reply: "S:41234 > V:8125", status: SNAT },
		want: true,
	},
	{
		name: "without NAT: nothing else can come to the pod's own address",
		flow: { orig: "P:8125 > N:41234" },
		want: false,
	},
	{
		name: "masquerade changed the port",
		flow: { orig: "P:8125 > S:41234", reply: "S:41234 > H:1024", status: SNAT },
		want: false,
	},
	{
		name: "an ordinary flow of the pod",
		flow: { orig: "P:40000 > S:53", reply: "S:53 > H:40000", status: SNAT },
		want: false,
	},
	{
		name: "to the number of the hostPort elsewhere",
		flow: { orig: "P:40000 > S:8125", reply: "S:8125 > H:40000", status: SNAT },
		want: false,
	},
	{
		name: "begun by another pod",
		flow: { orig: "N:8125 > S:41234", reply: "S:41234 > H:8125", status: SNAT },
		want: false,
	},
	{
		name: "begun by the node itself",
		flow: { orig: "H:8125 > S:41234" },
		want: false,
	},
	{
		name: "of a client whose port is the number of the hostPort",
		flow: { orig: "C:8125 > H:8125", reply: "P:5353 > C:8125", status: DNAT },
		want: false,
	},
	{
		name: "through the one address of the mapping",
		flow: { orig: "P:8125 > S:1", reply: "S:1 > H2:8125", status: SNAT },
		hostIP: "H2",
		want: true,
	},
	{
		name: "through another address than that of the mapping",
		flow: { orig: "P:8125 > S:1", reply: "S:1 > H:8125", status: SNAT },
		hostIP: "H2",
		want: false,
	},
	{
		name: "of another protocol",
		flow: {
			proto: "udplite",
			orig: "P:8125 > S:1",
			reply: "S:1 > H:8125",
			status: SNAT,
		},
		want: false,
	},
];

describe.each(FAMILIES)("begun by the pod, %s", (family) => {
	describe.each(PROTOS)("%s", (proto) => {
		test.each(ROWS)("$name: $want", ({ flow, hostIP, want }) => {
			const e = flowEntry(family, proto, flow);
			expect(begunByPod(mapping(family, proto, hostIP), e)).toBe(
				want ? "begun-by-pod" : undefined,
			);
		});
	});
});

describe("the kernel's filter", () => {
	test.each([
		["IPv6, whose addresses it inverts", mapping("IPv6", "udp")],
		["SCTP, whose ports it does not compare", mapping("IPv4", "sctp")],
	])("there is none for %s", (_, m) => expect(begunFilter(m)).toBeUndefined());

	/** Compares as ctnetlink_filter_match does on an entry of IPv4. */
	function lets(m: Mapping, e: Entry): boolean {
		const f = begunFilter(m);
		return (
			f !== undefined &&
			e.proto === f.proto &&
			e.orig.src === f.origSrc &&
			(f.replyDst === undefined || e.reply.dst === f.replyDst) &&
			e.reply.dport === f.replyDport
		);
	}

	test("deletes what the predicate says, and beyond it only what the pod sent without NAT", () => {
		const r = random(613);
		const hosts = ["C", "H", "H2", "P", "Q", "S"];
		const ports = [53, 5353, 6000, 8125];
		let begun = 0;
		let plain = 0;
		for (let n = 0; n < 5000; n++) {
			const end = () => `${r.pick(hosts)}:${r.pick(ports)}`;
			const e = flowEntry("IPv4", r.pick(PROTOS), {
				orig: `${r.chance(0.7) ? "P:8125" : end()} > ${end()}`,
				reply: `${end()} > ${r.chance(0.7) ? `${r.pick(["H", "H2", "P"])}:8125` : end()}`,
			});
			const m = mapping(
				"IPv4",
				r.pick(["udp", "tcp"]),
				r.pick([undefined, "H", "H2"]),
			);
			const isBegun = begunByPod(m, e) !== undefined;
			const isPlain = e.orig.src === m.podIP && e.reply.dst === m.podIP;
			if (lets(m, e) !== isBegun && !(lets(m, e) && isPlain))
				expect.fail(JSON.stringify({ m, e }));
			if (isBegun) begun++;
			else if (lets(m, e)) plain++;
		}
		expect(begun).toBeGreaterThan(150);
		expect(plain).toBeGreaterThan(50);
	});
});
