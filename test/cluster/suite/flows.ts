// The classes of flows that are nobody's stale business, although most have the number of
// a hostPort; and to whom each leads.

import type { Cluster, ClusterNode } from "../cluster.ts";
import { addressesOf } from "../lan.ts";
import { BEHIND, type Neighbour } from "./ways.ts";
import { OTHER_HOST_IP, PORTS } from "./workloads.ts";

type Place = "clients" | "node" | "pod";

export interface Flow {
	readonly name: string;
	readonly proto: "udp" | "tcp";
	readonly from: Place;
	readonly to: string;
	readonly dport: number;
	/** Where the entry leads. */
	readonly answeredBy: string;
	/** It needs the node as it was before the pods under test came, and cannot begin later. */
	readonly early?: true;
}

export function flowsOf(
	cluster: Cluster,
	n: number,
	{ pod: [pod4 = "", pod6], service: [service4 = ""], nodePort }: Neighbour,
): Flow[] {
	const [node4 = "", node6] = (cluster.nodes[n] as ClusterNode).addresses;
	const [server4, server6] = addressesOf("clients", cluster.options.stack);
	const udp = (
		name: string,
		to: string | undefined,
		dport: number,
		answeredBy = to,
		from: Place = "clients",
	): Flow[] =>
		to === undefined || answeredBy === undefined
			? [] // the cluster has no IPv6
			: [{ name, proto: "udp", from, to, dport, answeredBy }];
	return [
		...(["pod", "node"] as const).flatMap((from) => [
			...udp(`${from} to a server`, server4, PORTS.any, server4, from),
			...udp(`${from} to a server, IPv6`, server6, PORTS.any, server6, from),
		]),
		...udp("through the node", BEHIND[n], PORTS.any),
		...udp("straight to a pod", pod4, PORTS.any),
		...udp("straight to a pod, IPv6", pod6, PORTS.any),
		...udp("ClusterIP", service4, PORTS.any, pod4),
		...udp("ClusterIP, from the node", service4, PORTS.any, pod4, "node"),
		...udp("NodePort", node4, nodePort, pod4),
		...udp("NodePort, IPv6", node6, nodePort, pod6),
		...udp("another pod's hostPort", node4, PORTS.neighbour, pod4),
		...udp("another pod's hostPort, IPv6", node6, PORTS.neighbour, pod6),
		...udp("a daemon of the node, not on the hostIP", node4, PORTS.hostIP),
		...(n === 0 // the clients' way to that address leads there
			? udp("another pod's hostIP", OTHER_HOST_IP, PORTS.hostIP, pod4)
			: []),
		...(servicesComeFirst(cluster)
			? [
					...udp("Service on the node's address", node4, PORTS.shadowed, pod4),
					...udp(
						"Service on the node's address, IPv6",
						node6,
						PORTS.shadowed,
						pod6,
					),
				]
			: []),
		{
			...{ name: "another pod's hostPort, TCP", proto: "tcp", from: "clients" },
			...{ to: node4, dport: PORTS.any, answeredBy: pod4 },
		},
		{
			name: "a daemon of the node that had the port before, TCP",
			...{ proto: "tcp", from: "clients", to: node4, dport: PORTS.daemon },
			...{ answeredBy: node4, early: true },
		},
	];
}

/**
 * Where both write iptables rules, kube-proxy's jump is first, and its Service has the
 * port. Otherwise the chain that was registered last is first, and that is portmap's.
 */
export function servicesComeFirst({ options }: Pick<Cluster, "options">) {
	return (
		options.proxyMode === "iptables" && options.portmapBackend === "iptables"
	);
}
