// Entries that bypass the rules of a mapping when its pod is added: the shapes
// that portmap's rules, or their absence, leave behind.

import { describe, expect, test } from "vitest";
import { type Reason, staleOnAdd } from "../../../../src/policy/stale.ts";
import { isLocal } from "../../../support/book.ts";
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

/** The verdicts for UDP, TCP and SCTP; undefined is kept. */
type Verdicts = readonly (Reason | undefined)[];
const ALL = (reason: Reason): Verdicts => [reason, reason, reason];
const KEPT: Verdicts = [undefined, undefined, undefined];
/** TCP without NAT belongs to the node; SCTP only once it is established. */
const GAP: Verdicts = ["no-dnat", undefined, "no-dnat"];
const LISTENER: Verdicts = ["no-dnat", undefined, undefined];

interface Row extends FamilyRow {
	readonly want: Verdicts;
}

const ROWS: readonly Row[] = [
	// made under the rules of a pod that was there before
	{
		name: "an external client's, to the pod before",
		flow: { orig: "C:6000 > H:8125", reply: "Q:5353 > C:6000", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "the same, answered long since",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "Q:5353 > C:6000",
			status: [...DNAT, ...REPLIED],
		},
		want: ALL("other-pod"),
	},
	{
		name: "to the pod before, which listened on another port",
		flow: { orig: "C:6000 > H:8125", reply: "Q:53 > C:6000", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "to the pod before, which listened on the hostPort's number",
		flow: { orig: "C:6000 > H:8125", reply: "Q:8125 > C:6000", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "to the node's second address",
		flow: { orig: "C:6000 > H2:8125", reply: "Q:5353 > C:6000", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "another pod's on the bridge, masqueraded",
		flow: {
			orig: "N:6000 > H:8125",
			reply: "Q:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: ALL("other-pod"),
	},
	{
		name: "another pod's to the gateway's address",
		flow: {
			orig: "N:6000 > G:8125",
			reply: "Q:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: ALL("other-pod"),
	},
	{
		name: "the pod's own, through the node and back",
		flow: {
			orig: "P:6000 > H:8125",
			reply: "Q:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: ALL("other-pod"),
	},
	{
		name: "the node's own, to its own address",
		flow: { orig: "H:6000 > H:8125", reply: "Q:5353 > H:6000", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "the node's own, to 127.0.0.1",
		flow: {
			orig: "L:6000 > L:8125",
			reply: "Q:5353 > G:6000",
			status: BOTH_NAT,
		},
		want: ALL("other-pod"),
		only: "IPv4",
	},
	{
		name: "with a source port that clashed and was changed",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "Q:5353 > C:32885",
			status: BOTH_NAT,
		},
		want: ALL("other-pod"),
	},
	{
		name: "from the hostPort's number itself",
		flow: { orig: "C:8125 > H:8125", reply: "Q:5353 > C:8125", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "made over ctnetlink, which leaves the NAT bits out",
		flow: { orig: "C:6000 > H:8125", reply: "Q:5353 > C:6000" },
		want: ALL("other-pod"),
	},
	{
		name: "made over ctnetlink, to the hostPort's number of the pod before",
		flow: { orig: "C:6000 > H:8125", reply: "Q:8125 > C:6000" },
		want: ALL("other-pod"),
	},
	{
		name: "redirected by the node to itself",
		flow: { orig: "C:6000 > H:8125", status: DNAT },
		want: ALL("other-pod"),
	},
	{
		name: "to this pod's address, but another port",
		flow: { orig: "C:6000 > H:8125", reply: "P:53 > C:6000", status: DNAT },
		want: ALL("other-port"),
	},
	// made while there was no rule
	{
		name: "an external client's, never answered",
		flow: { orig: "C:6000 > H:8125" },
		want: GAP,
	},
	{
		name: "an external client's to the second address, never answered",
		flow: { orig: "C:6000 > H2:8125" },
		want: GAP,
	},
	{
		name: "a pod's on the bridge, never answered",
		flow: { orig: "N:6000 > H:8125" },
		want: GAP,
	},
	{
		name: "the node's own, never answered",
		flow: { orig: "H:6000 > H:8125" },
		want: GAP,
	},
	{
		name: "the node's own to 127.0.0.1, never answered",
		flow: { orig: "L:6000 > L:8125" },
		want: GAP,
		only: "IPv4",
	},
	{
		name: "answered once by a listener of the node",
		flow: { orig: "C:6000 > H:8125", status: ["SEEN_REPLY"] },
		want: GAP,
	},
	{
		name: "of a daemon of the node that had the port before: UDP now goes to the pod",
		flow: { orig: "C:6000 > H:8125", status: REPLIED },
		want: LISTENER,
	},
	// a mapping of one address
	{
		name: "to the mapping's hostIP, to the pod before",
		flow: { orig: "C:6000 > H2:8125", reply: "Q:5353 > C:6000", status: DNAT },
		want: ALL("other-pod"),
		hostIP: "H2",
	},
	{
		name: "to the mapping's hostIP, made without a rule",
		flow: { orig: "C:6000 > H2:8125" },
		want: GAP,
		hostIP: "H2",
	},
	{
		name: "to the mapping's hostIP, though the node has not got that address now",
		flow: { orig: "C:6000 > V:8125", reply: "Q:5353 > C:6000", status: DNAT },
		want: ALL("other-pod"),
		hostIP: "V",
	},
	{
		name: "to a hostIP on kube-ipvs0 that the mapping names",
		flow: { orig: "C:6000 > I:8125" },
		want: GAP,
		hostIP: "I",
	},
	{
		name: "to a hostIP of ::1 that the mapping names",
		flow: { orig: "L:6000 > L:8125", reply: "Q:5353 > L:6000", status: DNAT },
		want: ALL("other-pod"),
		hostIP: "L",
	},
	// a neighbour in the table that is none of these
	{
		name: "control: the pod's own entry",
		flow: { orig: "C:6000 > H:8125", reply: "P:5353 > C:6000", status: DNAT },
		want: KEPT,
	},
];

describe.each(FAMILIES)("%s", (family) => {
	const rows = ROWS.filter(({ only = family }) => only === family);
	describe.each(PROTOS.map((proto, n) => ({ proto, n })))(
		"$proto",
		({ proto, n }) => {
			test.each(rows)("$name", ({ flow, want, hostIP }) => {
				const m = mapping(family, proto, hostIP);
				const e = flowEntry(family, proto, flow);
				expect(staleOnAdd(m, e, isLocal)).toBe(want[n]);
			});
		},
	);
});

test("a mapping of one address asks nothing about the node", () => {
	const refuse = (): never => {
		throw new Error("asked");
	};
	const e = flowEntry("IPv6", "udp", { orig: "C:6000 > H2:8125" });
	expect(staleOnAdd(mapping("IPv6", "udp", "H2"), e, refuse)).toBe("no-dnat");
});
