// What runs in the cluster, as manifests: the pods under test, which publish hostPorts; a
// neighbour on each node, whose flows are healthy; and Services, one of them on the
// node's own address with the number of a hostPort.

import { IMAGE } from "../../support/runtimes/image.ts";
import type { Cluster, ClusterNode } from "../cluster.ts";

export type Manifest = Readonly<Record<string, unknown>>;

/** The Deployment under test, and how the names of its pods begin. */
export const STATSD = "statsd";

export const PORTS = {
	/** On all addresses. */
	any: 8125,
	/** On HOST_IP alone. */
	hostIP: 8053,
	/** The pods publish it, but a Service has it too, and kube-proxy's rules come first. */
	shadowed: 8127,
	/** TCP, which a daemon of the node had before. */
	daemon: 8128,
	/** The neighbour's. */
	neighbour: 8126,
} as const;

/** Addresses that both nodes have, as a node-local DNS cache has one. */
export const HOST_IP = "10.78.0.1";
export const OTHER_HOST_IP = "10.78.0.2";

/** Where the neighbour listens, for UDP and TCP; it publishes three ports of the node. */
export const NEIGHBOUR_PORTS = [5353, 5354] as const;

/** The numbers by which portmap itself flushes on ADD, whomever an entry belongs to. */
export const FLUSHED_BY_PORTMAP: ReadonlySet<number> = new Set([
	PORTS.any,
	PORTS.hostIP,
	PORTS.shadowed,
]);

/** One pod a node, because two cannot have the same hostPort there. */
export function statsd(network: "pod" | "host"): Manifest {
	const published = [
		{ containerPort: 5353, hostPort: PORTS.any, protocol: "UDP" },
		{
			containerPort: 5354,
			hostPort: PORTS.hostIP,
			protocol: "UDP",
			hostIP: HOST_IP,
		},
		{ containerPort: 5355, hostPort: PORTS.shadowed, protocol: "UDP" },
		{ containerPort: 5353, hostPort: PORTS.daemon, protocol: "TCP" },
	];
	const taken = [
		{ containerPort: PORTS.any, hostPort: PORTS.any, protocol: "UDP" },
	];
	const ports = network === "host" ? taken : published;
	const listens = ports.filter(({ protocol }) => protocol === "UDP");
	return {
		apiVersion: "apps/v1",
		kind: "Deployment",
		metadata: { name: STATSD, namespace: "default" },
		spec: {
			replicas: 2,
			selector: { matchLabels: { app: STATSD } },
			strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
			template: {
				metadata: { labels: { app: STATSD } },
				spec: {
					...quietPod,
					hostNetwork: network === "host",
					containers: [
						{
							...receiver,
							args: ["serve", ...listens.map((p) => `${p.containerPort}`)],
							ports,
						},
					],
				},
			},
		},
	};
}

/** The neighbour on a node, and two Services that lead to it alone. */
export function neighbour({ nodes, options }: Cluster, n: number): Manifest[] {
	const { name: nodeName, addresses } = nodes[n] as ClusterNode;
	const name = neighbourOf(n);
	const labels = { app: name };
	const [first, second] = NEIGHBOUR_PORTS;
	const ports = [
		{ containerPort: first, hostPort: PORTS.neighbour, protocol: "UDP" },
		{ containerPort: first, hostPort: PORTS.any, protocol: "TCP" },
		{
			containerPort: second,
			hostPort: PORTS.hostIP,
			protocol: "UDP",
			hostIP: OTHER_HOST_IP,
		},
	];
	const service = (name: string, port: number, more: Manifest): Manifest => ({
		apiVersion: "v1",
		kind: "Service",
		metadata: { name, namespace: "default" },
		spec: {
			selector: labels,
			ipFamilyPolicy:
				options.stack === "dual" ? "RequireDualStack" : "SingleStack",
			ports: [{ port, protocol: "UDP", targetPort: first }],
			...more,
		},
	});
	return [
		{
			apiVersion: "apps/v1",
			// a drain leaves it where it is
			kind: "DaemonSet",
			metadata: { name, namespace: "default" },
			spec: {
				selector: { matchLabels: labels },
				template: {
					metadata: { labels },
					spec: {
						...quietPod,
						nodeSelector: { "kubernetes.io/hostname": nodeName },
						containers: [{ ...receiver, args: ["pause"], ports }],
					},
				},
			},
		},
		service(name, PORTS.any, { type: "NodePort" }),
		service(`shadow-${n}`, PORTS.shadowed, { externalIPs: addresses }),
	];
}

export function neighbourOf(n: number): string {
	return `neighbour-${n}`;
}

const quietPod = {
	automountServiceAccountToken: false,
	enableServiceLinks: false,
	terminationGracePeriodSeconds: 2,
} as const;

const receiver = {
	name: "receiver",
	image: IMAGE,
	imagePullPolicy: "Never",
} as const;

export async function apply(
	{ kubectl }: Cluster,
	items: readonly Manifest[],
): Promise<void> {
	const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
	await kubectl(["apply", "--server-side", "-f", "-"], { input });
}
