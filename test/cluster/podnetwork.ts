// The pods' network, as its provider's installer leaves it on a node: a bridge on
// each node, portmap, and routes from node to node.

import { ip, type Namespace } from "../support/netns.ts";
import { addressesOf, type Role } from "./lan.ts";
import type { ClusterOptions, Stack } from "./options.ts";

export const NODE_NAMES = ["node1", "node2"] as const;
export type NodeName = (typeof NODE_NAMES)[number];

export const CONFLIST = "/etc/cni/net.d/10-podnet.conflist";

/** IPv4, then IPv6. */
const POD_NETS = ["10.244.0.0/16", "fd44::/48"];
const SERVICE_NETS = ["10.96.0.0/16", "fd96::/112"];

/** The addresses of all pods and of all Services, as the flags of Kubernetes take them. */
export function clusterNets(stack: Stack): { pods: string; services: string } {
	const families = stack === "dual" ? 2 : 1;
	return {
		pods: POD_NETS.slice(0, families).join(),
		services: SERVICE_NETS.slice(0, families).join(),
	};
}

/** The addresses of a node's pods: IPv4, then IPv6. */
export function podNetsOf(node: NodeName, stack: Stack): string[] {
	const number = NODE_NAMES.indexOf(node) + 1;
	const all = [`10.244.${number}.0/24`, `fd44:0:0:${number}::/64`];
	return stack === "dual" ? all : all.slice(0, 1);
}

/** Gives a machine the routes to the pods of all nodes but its own. */
export async function routeToPods(
	ns: Namespace,
	role: Role,
	stack: Stack,
): Promise<void> {
	const others = NODE_NAMES.filter((node) => node !== role);
	await ip(
		ns,
		others.flatMap((node) => {
			const vias = addressesOf(node, stack);
			return podNetsOf(node, stack).map(
				(net, i) => `route add ${net} via ${vias[i]}`,
			);
		}),
	);
}

export function conflistOf(
	node: NodeName,
	{ stack, cniVersion, portmapBackend }: ClusterOptions,
): string {
	const everywhere = [{ dst: "0.0.0.0/0" }, { dst: "::/0" }];
	const nets = podNetsOf(node, stack);
	const conflist = {
		cniVersion,
		name: "podnet",
		plugins: [
			{
				type: "bridge",
				bridge: "cni0",
				isGateway: true,
				ipMasq: true,
				hairpinMode: true,
				ipam: {
					type: "host-local",
					ranges: nets.map((subnet) => [{ subnet }]),
					routes: everywhere.slice(0, nets.length),
				},
			},
			{
				type: "portmap",
				backend: portmapBackend,
				capabilities: { portMappings: true },
			},
		],
	};
	return `${JSON.stringify(conflist, null, 2)}\n`;
}
