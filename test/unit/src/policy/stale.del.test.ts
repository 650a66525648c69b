// Entries that are removed with their pod: by one mapping, by the pod's address alone, or
// by the kernel's filter, which must select the same ones.

import { describe, expect, test } from "vitest";
import type { Entry } from "../../../../src/conntrack/entry.ts";
import type { Mapping } from "../../../../src/policy/mapping.ts";
import {
	deadFilter,
	deadOfPod,
	deadOnDel,
	staleOnAdd,
} from "../../../../src/policy/stale.ts";
import { BOOKS, isLocal, spell } from "../../../support/book.ts";
import { random } from "../../../support/random.ts";
import {
	BOTH_NAT,
	DNAT,
	FAMILIES,
	type FamilyRow,
	flowEntry,
	mapping,
	PROTOS,
	REPLIED,
} from "../../../support/unit/flows.ts";

const ROWS: readonly (FamilyRow & { readonly want: boolean })[] = [
	{
		name: "through the mapping",
		flow: { orig: "C:6000 > H:8125", reply: "P:5353 > C:6000", status: DNAT },
		want: true,
	},
	{
		name: "through the mapping, answered",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "P:5353 > C:6000",
			status: [...DNAT, ...REPLIED],
		},
		want: true,
	},
	{
		name: "masqueraded",
		flow: {
			orig: "N:6000 > H:8125",
			reply: "P:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: true,
	},
	{
		name: "to ::1 or 127.0.0.1",
		flow: {
			orig: "L:6000 > L:8125",
			reply: "P:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: true,
	},
	{
		name: "to an address that has left the node",
		flow: { orig: "C:6000 > V:8125", reply: "P:5353 > C:6000", status: DNAT },
		want: true,
	},
	{
		name: "to the pod before",
		flow: { orig: "C:6000 > H:8125", reply: "Q:5353 > C:6000", status: DNAT },
		want: false,
	},
	{
		name: "to another port of the pod",
		flow: { orig: "C:6000 > H:8125", reply: "P:53 > C:6000", status: DNAT },
		want: false,
	},
	{
		name: "through another hostPort of the pod",
		flow: { orig: "C:6000 > H:8126", reply: "P:5353 > C:6000", status: DNAT },
		want: false,
	},
	{
		name: "made without a rule",
		flow: { orig: "C:6000 > H:8125" },
		want: false,
	},
	{
		name: "straight to the pod",
		flow: { orig: "C:6000 > P:5353" },
		want: false,
	},
	{
		name: "from the pod",
		flow: {
			orig: "P:5353 > S:8125",
			reply: "S:8125 > H:5353",
			status: ["SRC_NAT"],
		},
		want: false,
	},
	{
		name: "with the pod as its client",
		flow: { orig: "P:5353 > H:8125", reply: "Q:5353 > P:5353", status: DNAT },
		want: false,
	},
	{
		name: "through the mapping of one address",
		flow: { orig: "C:6000 > H2:8125", reply: "P:5353 > C:6000", status: DNAT },
		hostIP: "H2",
		want: true,
	},
	{
		name: "through another address than that of the mapping",
		flow: { orig: "C:6000 > H:8125", reply: "P:5353 > C:6000", status: DNAT },
		hostIP: "H2",
		want: false,
	},
];

describe.each(FAMILIES)("on DEL, %s", (family) => {
	describe.each(PROTOS)("%s", (proto) => {
		test.each(ROWS)("$name: $want", ({ flow, hostIP, want }) => {
			const e = flowEntry(family, proto, flow);
			expect(deadOnDel(mapping(family, proto, hostIP), e)).toBe(
				want ? "dead-pod" : undefined,
			);
		});
	});
});

describe.each(FAMILIES)("of a pod without mappings, %s", (family) => {
	const rows: readonly (FamilyRow & { readonly want: boolean })[] = [
		{
			name: "through a hostPort",
			flow: { orig: "C:6000 > H:8125", reply: "P:5353 > C:6000", status: DNAT },
			want: true,
		},
		{
			name: "through a Service",
			flow: { orig: "N:6000 > V:53", reply: "P:5353 > N:6000", status: DNAT },
			want: true,
		},
		{
			name: "to the same port, by NAT of the address alone",
			flow: { orig: "C:6000 > H:53", reply: "P:53 > C:6000", status: DNAT },
			want: true,
		},
		{
			name: "straight to the pod",
			flow: { orig: "C:6000 > P:5353" },
			want: false,
		},
		{
			name: "straight to the pod, masqueraded",
			flow: {
				orig: "C:6000 > P:5353",
				reply: "P:5353 > G:6000",
				status: ["SRC_NAT"],
			},
			want: false,
		},
		{
			name: "from the pod",
			flow: {
				orig: "P:5353 > S:8125",
				reply: "S:8125 > H:5353",
				status: ["SRC_NAT"],
			},
			want: false,
		},
		{
			name: "to another pod",
			flow: { orig: "C:6000 > H:8125", reply: "Q:5353 > C:6000", status: DNAT },
			want: false,
		},
		{
			name: "of another protocol",
			flow: {
				proto: "udplite",
				orig: "C:6000 > H:8125",
				reply: "P:5353 > C:6000",
				status: DNAT,
			},
			want: false,
		},
	];
	test.each(rows)("$name: $want", ({ flow, want }) => {
		const m = mapping(family, "udp");
		const e = flowEntry(family, "udp", flow);
		expect(deadOfPod(m, e)).toBe(want ? "dead-pod" : undefined);
	});
});

describe("the kernel's filter", () => {
	test.each([
		["IPv6, whose addresses it inverts", mapping("IPv6", "udp")],
		["SCTP, whose ports it does not compare", mapping("IPv4", "sctp")],
	])("there is none for %s", (_, m) => expect(deadFilter(m)).toBeUndefined());

	/** Compares as ctnetlink_filter_match does on an entry of IPv4. */
	function lets(m: Mapping, e: Entry): boolean {
		const f = deadFilter(m);
		return (
			f !== undefined &&
			e.proto === f.proto &&
			e.orig.dport === f.origDport &&
			(f.origDst === undefined || e.orig.dst === f.origDst) &&
			e.reply.src === f.replySrc &&
			e.reply.sport === f.replySport
		);
	}

	test("deletes what the predicate calls dead, and nothing else", () => {
		const r = random(612);
		const hosts = ["C", "H", "H2", "P", "Q", "V"];
		const ports = [53, 5353, 6000, 8125];
		let dead = 0;
		for (let n = 0; n < 5000; n++) {
			const end = () => `${r.pick(hosts)}:${r.pick(ports)}`;
			const e = flowEntry("IPv4", r.pick(PROTOS), {
				orig: `${end()} > ${r.chance(0.7) ? `${r.pick(["H", "H2"])}:8125` : end()}`,
				reply: `${r.chance(0.7) ? `P:${r.pick([5353, 53])}` : end()} > ${end()}`,
				status: r.chance(0.5) ? DNAT : [],
			});
			const m = mapping(
				"IPv4",
				r.pick(["udp", "tcp"]),
				r.pick([undefined, "H", "H2"]),
			);
			if (lets(m, e) !== (deadOnDel(m, e) !== undefined))
				expect.fail(JSON.stringify({ m, e }));
			if (lets(m, e)) dead++;
		}
		expect(dead).toBeGreaterThan(150);
	});
});

test("letters spell addresses of both families", () => {
	expect(spell("IPv4", "C:6000 > H2:8125")).toBe(
		"192.0.2.7:6000 > 203.0.113.10:8125",
	);
	expect(spell("IPv6", "L:1 > H:2")).toBe("[::1]:1 > [fd03::1]:2");
	expect(isLocal(BOOKS.IPv4.S)).toBe(false);
});

describe("the same ports in another protocol of ours", () => {
	const pairs = PROTOS.flatMap((a) =>
		PROTOS.filter((b) => b !== a).map((b) => [a, b] as const),
	);
	test.each(pairs)("a mapping of %s leaves %s alone", (mapped, other) => {
		for (const reply of ["Q:5353 > C:6000", "P:5353 > C:6000"]) {
			const e = flowEntry("IPv4", other, {
				orig: "C:6000 > H:8125",
				reply,
				status: DNAT,
			});
			expect(staleOnAdd(mapping("IPv4", mapped), e, isLocal)).toBeUndefined();
			expect(deadOnDel(mapping("IPv4", mapped), e)).toBeUndefined();
		}
	});
});

test("a mapping of one family leaves the other alone", () => {
	for (const [mine, other] of [
		["IPv4", "IPv6"],
		["IPv6", "IPv4"],
	] as const) {
		const e = flowEntry(other, "udp", { orig: "C:6000 > H:8125" });
		expect(staleOnAdd(mapping(mine, "udp"), e, isLocal)).toBeUndefined();
	}
});
