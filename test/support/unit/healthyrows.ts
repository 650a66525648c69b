// Flows with the hostPort's number in their original destination, or near it, that are
// not stale: neither on ADD nor on DEL.

import type { Letter } from "../book.ts";
import {
	BOTH_NAT,
	DNAT,
	type FamilyRow,
	type ProtoName,
	REPLIED,
} from "./flows.ts";

export interface HealthyRow extends FamilyRow {
	readonly protos?: readonly ProtoName[];
	/** The flow leads to the pod of the mapping: ADD keeps it, DEL removes it. */
	readonly ours?: true;
	/** The node's address on which another live pod has the hostPort. */
	readonly taken?: Letter;
}

export const HEALTHY: readonly HealthyRow[] = [
	// the node's and its pods' flows to somewhere else
	{
		name: "a pod's to an external server on the same port",
		flow: { orig: "N:6000 > S:8125" },
	},
	{
		name: "the same, masqueraded",
		flow: {
			orig: "N:6000 > S:8125",
			reply: "S:8125 > H:6000",
			status: ["SRC_NAT", ...REPLIED],
		},
	},
	{
		name: "the node's to an external server on the same port",
		flow: { orig: "H:6000 > S:8125", status: REPLIED },
	},
	{
		name: "the pod's own outbound to the same port",
		flow: {
			orig: "P:6000 > S:8125",
			reply: "S:8125 > H:6000",
			status: ["SRC_NAT"],
		},
	},
	{
		name: "the pod's own outbound from its container port",
		flow: {
			orig: "P:5353 > S:8125",
			reply: "S:8125 > H:5353",
			status: ["SRC_NAT"],
		},
	},
	{
		name: "one that the node forwards as a router",
		flow: { orig: "C:6000 > S:8125" },
	},
	{
		name: "one that the node forwards, answered",
		flow: { orig: "C:6000 > S:8125", status: REPLIED },
	},
	{ name: "broadcast", flow: { orig: "C:6000 > B:8125" } },
	{ name: "multicast", flow: { orig: "C:6000 > M:8125" } },
	// Services
	{
		name: "a Service's address with the same port, to another pod",
		flow: { orig: "N:6000 > V:8125", reply: "Q:5353 > N:6000", status: DNAT },
	},
	{
		name: "a Service's address with the same port, masqueraded",
		flow: {
			orig: "C:6000 > V:8125",
			reply: "Q:5353 > H:6000",
			status: BOTH_NAT,
		},
	},
	{
		name: "a Service's address on kube-ipvs0",
		flow: { orig: "N:6000 > I:8125", reply: "Q:5353 > N:6000", status: DNAT },
	},
	{
		name: "a Service's address on kube-ipvs0 that nobody serves",
		flow: { orig: "N:6000 > I:8125" },
	},
	{
		name: "a NodePort",
		flow: { orig: "C:6000 > H:30053", reply: "Q:5353 > C:6000", status: DNAT },
	},
	// other mappings and listeners of the node
	{
		name: "another pod's hostPort",
		flow: { orig: "C:6000 > H:8126", reply: "N:5353 > C:6000", status: DNAT },
	},
	{
		name: "another pod's mapping on another hostIP, ours has its own",
		flow: { orig: "C:6000 > H2:8125", reply: "N:5353 > C:6000", status: DNAT },
		hostIP: "H",
	},
	{
		name: "another pod's mapping on another hostIP, ours has any",
		flow: { orig: "C:6000 > H2:8125", reply: "N:5353 > C:6000", status: DNAT },
		taken: "H2",
	},
	{
		name: "a daemon's on an address outside of the mapping",
		flow: { orig: "C:6000 > H:8125", status: REPLIED },
		hostIP: "H2",
	},
	{
		name: "a daemon's on an address outside of the mapping, not answered",
		flow: { orig: "C:6000 > H:8125" },
		hostIP: "H2",
	},
	{
		name: "a connection of a daemon of the node that was there before the mapping",
		flow: { orig: "C:6000 > H:8125", status: REPLIED },
		protos: ["tcp", "sctp"],
	},
	{
		name: "a connection attempt to the node itself",
		flow: { orig: "C:6000 > H:8125" },
		protos: ["tcp"],
	},
	{
		name: "to ::1, which portmap does not serve",
		flow: { orig: "L:6000 > L:8125", reply: "Q:5353 > L:6000", status: DNAT },
		only: "IPv6",
	},
	{
		name: "to ::1, never answered",
		flow: { orig: "L:6000 > L:8125" },
		only: "IPv6",
	},
	// straight to a pod
	{
		name: "straight to the pod, on its container port",
		flow: { orig: "C:6000 > P:5353" },
	},
	{
		name: "straight to the pod, on the hostPort's number",
		flow: { orig: "C:6000 > P:8125" },
	},
	{
		name: "straight to another pod, on the hostPort's number",
		flow: { orig: "C:6000 > N:8125", status: REPLIED },
	},
	// only near the hostPort
	{
		name: "from the hostPort's number to another port",
		flow: { orig: "C:8125 > H:53" },
	},
	{
		name: "an answer to the hostPort's number",
		flow: { orig: "H:8125 > S:53", reply: "S:53 > H:8125" },
	},
	{
		name: "with the hostPort only in the reply",
		flow: { orig: "C:6000 > H:53", reply: "Q:8125 > C:6000", status: DNAT },
	},
	{
		name: "through another hostPort to the same container port",
		flow: { orig: "C:6000 > H:8126", reply: "P:5353 > C:6000", status: DNAT },
	},
	{
		name: "of another protocol with the same ports: UDP-Lite",
		flow: { proto: "udplite", orig: "C:6000 > H:8125" },
	},
	{
		name: "of another protocol with the same ports: GRE",
		flow: { proto: 47, orig: "C:6000 > H:8125" },
	},
	{
		name: "of another protocol with the same ports: DCCP",
		flow: {
			proto: 33,
			orig: "C:6000 > H:8125",
			reply: "Q:5353 > C:6000",
			status: DNAT,
		},
	},
	// already right
	{
		name: "an external client's to the pod",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "P:5353 > C:6000",
			status: [...DNAT, ...REPLIED],
		},
		ours: true,
	},
	{
		name: "an external client's to the pod, never answered: statsd gets no reply",
		flow: { orig: "C:6000 > H:8125", reply: "P:5353 > C:6000", status: DNAT },
		ours: true,
	},
	{
		name: "an external client's to the pod through the second address",
		flow: { orig: "C:6000 > H2:8125", reply: "P:5353 > C:6000", status: DNAT },
		ours: true,
	},
	{
		name: "another pod's to the pod, masqueraded",
		flow: {
			orig: "N:6000 > H:8125",
			reply: "P:5353 > G:6000",
			status: BOTH_NAT,
		},
		ours: true,
	},
	{
		name: "the pod's own to itself, hairpin",
		flow: {
			orig: "P:6000 > H:8125",
			reply: "P:5353 > G:6000",
			status: BOTH_NAT,
		},
		ours: true,
	},
	{
		name: "the node's own to the pod",
		flow: { orig: "H:6000 > H:8125", reply: "P:5353 > H:6000", status: DNAT },
		ours: true,
	},
	{
		name: "the node's own to the pod through its loopback address",
		flow: {
			orig: "L:6000 > L:8125",
			reply: "P:5353 > G:6000",
			status: BOTH_NAT,
		},
		ours: true,
	},
	{
		name: "of the pod before, whose address the new pod has got",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "P:5353 > C:6000",
			status: [...DNAT, ...REPLIED],
		},
		ours: true,
	},
	{
		name: "a Service's with the same port, to the same pod",
		flow: { orig: "N:6000 > V:8125", reply: "P:5353 > N:6000", status: DNAT },
		ours: true,
	},
	{
		name: "to the pod with a source port that was changed",
		flow: {
			orig: "C:6000 > H:8125",
			reply: "P:5353 > C:32885",
			status: BOTH_NAT,
		},
		ours: true,
	},
	{
		name: "to the pod through the mapping's own hostIP",
		flow: { orig: "C:6000 > H2:8125", reply: "P:5353 > C:6000", status: DNAT },
		hostIP: "H2",
		ours: true,
	},
];
