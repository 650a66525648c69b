// A node with two addresses of its own per family, and the world outside, which holds
// external clients and an external server. There are no pods, and no processes.

import { must } from "./exec.ts";
import { cable, createNamespace, type Namespace, sysctl } from "./netns.ts";
import {
	equip,
	HOST4,
	HOST6,
	temporaryDirectory,
	UPLINK,
	UPLINK_SECOND,
} from "./node.ts";

export const SERVER4 = "198.51.100.9";
export const SERVER6 = "fd09::9";
/** A virtual address of no machine: a Service, DNATed by a rule of its own. */
export const SERVICE4 = "10.96.0.10";
export const POD_NET4 = "10.88.0.0/16";
export const POD_NET6 = "fd88::/64";

export interface Topology {
	readonly node: Namespace;
	readonly world: Namespace;
	/** Scratch directory for IPAM and plugin state. */
	readonly dir: string;
}

export async function createTopology(): Promise<Topology> {
	const dir = temporaryDirectory("test");
	const node = await createNamespace("node");
	const world = await createNamespace("world");
	await cable([node, "uplink"], [world, "eth0"]);
	await sysctl(node, {
		// DNAT of 127.0.0.1 to a pod looks like a martian to the reverse path filter
		"net.ipv4.conf.all.rp_filter": 0,
		"net.ipv4.conf.default.rp_filter": 0,
	});
	await equip(node, {
		addresses: { uplink: [...UPLINK, ...UPLINK_SECOND] },
		gateways: ["203.0.113.2", "fd03::2"],
		forwards: true,
		keepsEntries: true,
	});
	await equip(world, {
		addresses: {
			eth0: ["203.0.113.2/24", "fd03::2/64"],
			lo: [`${SERVER4}/32`, `${SERVER6}/128`],
		},
		gateways: [HOST4, HOST6],
	});
	// pods reach the world under the node's address, as on most clusters
	for (const [tables, net] of [
		["iptables", POD_NET4],
		["ip6tables", POD_NET6],
	] as const)
		await must(
			node.inside(
				`${tables} -w -t nat -A POSTROUTING -s ${net} -o uplink -j MASQUERADE`.split(
					" ",
				),
			),
		);
	return { node, world, dir };
}
