// Entries that lead to the pod that is being added, but were retired by a DEL before it.

import { describe, expect, test } from "vitest";
import { retiredOnAdd } from "../../../../src/policy/stale.ts";
import {
	DNAT,
	FAMILIES,
	type FamilyRow,
	flowEntry,
	mapping,
	PROTOS,
} from "../../../support/unit/flows.ts";

const RETIRED = [...DNAT, "FIXED_TIMEOUT"] as const;

const ROWS: readonly (FamilyRow & { readonly want: boolean })[] = [
	{
		name: "retired",
		flow: { orig: "C:1 > H:8125", reply: "P:5353 > C:1", status: RETIRED },
		want: true,
	},
	{
		name: "not retired",
		flow: { orig: "C:1 > H:8125", reply: "P:5353 > C:1", status: DNAT },
		want: false,
	},
	{
		name: "retired, to another pod",
		flow: { orig: "C:1 > H:8125", reply: "N:5353 > C:1", status: RETIRED },
		want: false,
	},
	{
		name: "retired, to another port of the pod",
		flow: { orig: "C:1 > H:8125", reply: "P:53 > C:1", status: RETIRED },
		want: false,
	},
	{
		name: "retired, through another hostPort of the pod",
		flow: { orig: "C:1 > H:8126", reply: "P:5353 > C:1", status: RETIRED },
		want: false,
	},
	{
		name: "retired, through the address of the mapping",
		flow: { orig: "C:1 > H2:8125", reply: "P:5353 > C:1", status: RETIRED },
		hostIP: "H2",
		want: true,
	},
	{
		name: "retired, through another address than that of the mapping",
		flow: { orig: "C:1 > H:8125", reply: "P:5353 > C:1", status: RETIRED },
		hostIP: "H2",
		want: false,
	},
	{
		name: "with a fixed timeout, and without NAT",
		flow: { orig: "C:1 > H:8125", status: ["FIXED_TIMEOUT"] },
		want: false,
	},
];

describe.each(FAMILIES)("on ADD, %s", (family) => {
	describe.each(PROTOS)("%s", (proto) => {
		test.each(ROWS)("$name: $want", ({ flow, hostIP, want }) => {
			const e = flowEntry(family, proto, flow);
			expect(retiredOnAdd(mapping(family, proto, hostIP), e)).toBe(
				want ? "retired" : undefined,
			);
		});
	});
});
