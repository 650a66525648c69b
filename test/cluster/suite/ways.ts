// The ways on which healthy flows go: the nodes' further addresses and timeouts, the
// clients' routes by way of a node, and the place of a pod to send from.

import { must } from "../../support/exec.ts";
import { type Namespace, sysctl } from "../../support/netns.ts";
import type { Cluster, ClusterNode } from "../cluster.ts";
import { NOTES_TIMES } from "./entries.ts";
import { until } from "./until.ts";
import { HOST_IP, neighbourOf, OTHER_HOST_IP } from "./workloads.ts";

/** Longer than a run: nothing expires by itself. */
const TIMEOUT_S = 7200;
/** Behind each node, for traffic that it forwards. */
export const BEHIND = ["10.78.1.1", "10.78.1.2"] as const;

/** The addresses of the neighbour's pod and of its Service, IPv4 first. */
export interface Neighbour {
	readonly namespace: Namespace;
	readonly pod: readonly string[];
	readonly service: readonly string[];
	readonly nodePort: number;
}

/** Gives a node its further addresses, and the clients the ways to them; once after each of its boots. */
export async function prepareNode(
	{ nodes, clients }: Cluster,
	n: number,
): Promise<void> {
	const { namespace, addresses } = nodes[n] as ClusterNode;
	const other = nodes[1 - n] as ClusterNode;
	await sysctl(namespace, {
		...NOTES_TIMES,
		"net.netfilter.nf_conntrack_udp_timeout": TIMEOUT_S,
		"net.netfilter.nf_conntrack_udp_timeout_stream": TIMEOUT_S,
	});
	for (const address of [HOST_IP, OTHER_HOST_IP, BEHIND[1 - n]])
		await ip(namespace, `addr replace ${address}/32 dev lo`);
	await ip(namespace, `route replace ${BEHIND[n]} via ${other.addresses[0]}`);
	await ip(clients, `route replace ${BEHIND[n]} via ${addresses[0]}`);
	if (n === 0)
		for (const address of [HOST_IP, OTHER_HOST_IP])
			await ip(clients, `route replace ${address} via ${addresses[0]}`);
}

/** Resolves when the neighbour of a node runs and clients can reach it by way of the node. */
export async function findNeighbour(
	{ nodes, clients, kubectl }: Cluster,
	n: number,
): Promise<Neighbour> {
	const node = nodes[n] as ClusterNode;
	const name = neighbourOf(n);
	const ask = (...argv: readonly string[]): Promise<string> =>
		kubectl(["get", ...argv]);
	let pod: string[] = [];
	let namespace: string | undefined;
	await until(`${name} runs`, async () => {
		const addresses = "-o=jsonpath={.items[*].status.podIPs[*].ip}";
		pod = (await ask("pods", "-l", `app=${name}`, addresses)).split(" ");
		// just after a boot, the API server still has the addresses of before
		namespace = await namespaceWith(node, pod[0] ?? "");
		return namespace !== undefined;
	});
	const service = JSON.parse(await ask("service", name, "-o=json")) as {
		readonly spec: {
			readonly clusterIPs: readonly string[];
			readonly ports: readonly { readonly nodePort: number }[];
		};
	};
	const { clusterIPs, ports } = service.spec;
	const [node4, node6] = node.addresses;
	for (const to of [...pod, ...clusterIPs])
		await ip(
			clients,
			`route replace ${to} via ${to.includes(":") ? node6 : node4}`,
		);
	return {
		namespace: {
			name: namespace ?? "",
			path: `/run/netns/${namespace}`,
			inside: (argv) =>
				node.inside(["ip", "netns", "exec", namespace ?? "", ...argv]),
			remove: () => {},
		},
		pod,
		service: clusterIPs,
		nodePort: ports[0]?.nodePort ?? 0,
	};
}

/** Returns the node's namespace as one whose processes end with the node. */
export function insideNode(node: ClusterNode): Namespace {
	return { ...node.namespace, inside: (argv) => node.inside(argv) };
}

/** Returns the name of the pod's network namespace on the node, if it is there. */
async function namespaceWith(
	node: ClusterNode,
	address: string,
): Promise<string | undefined> {
	if (address === "") return undefined;
	const script = `for n in $(ls /run/netns); do
		ip -n "$n" addr show eth0 2>/dev/null | grep -qF "inet $0/" && echo "$n"
	done; true`;
	const found = await node.must(["sh", "-c", script, address]);
	return found.split("\n")[0] || undefined;
}

async function ip(ns: Namespace, words: string): Promise<void> {
	await must(["ip", "-n", ns.name, ...words.split(" ")]);
}
