// The clusters that are made. Each value of each option occurs, and so does each pair of
// kube-proxy's mode with portmap's backend, and of either with a stack. The first one is
// the selection of every day.

import type { ClusterOptions } from "../cluster.ts";
import { withDefaults } from "../options.ts";

export interface Configuration
	extends Pick<
		ClusterOptions,
		"proxyMode" | "portmapBackend" | "stack" | "cniVersion"
	> {
	/** How the agent puts the plugin into the chain. */
	readonly mode: "edit" | "dropin";
}

export const CONFIGURATIONS: readonly Configuration[] = [
	{
		proxyMode: "iptables",
		portmapBackend: "iptables",
		stack: "dual",
		cniVersion: "1.1.0",
		mode: "edit",
	},
	{
		proxyMode: "nftables",
		portmapBackend: "nftables",
		stack: "dual",
		cniVersion: "1.0.0",
		mode: "edit",
	},
	{
		proxyMode: "iptables",
		portmapBackend: "nftables",
		stack: "IPv4",
		cniVersion: "1.1.0",
		mode: "dropin",
	},
	{
		proxyMode: "nftables",
		portmapBackend: "iptables",
		stack: "IPv4",
		cniVersion: "1.0.0",
		mode: "edit",
	},
];

export function nameOf(c: Configuration): string {
	return `kube-proxy ${c.proxyMode}, portmap ${c.portmapBackend}, ${c.stack}, CNI ${c.cniVersion}, ${c.mode}`;
}

/** Whether all configurations and all events are to be run. */
export const EVERY = Boolean(process.env.CLUSTER_EVERY);

const USUAL = withDefaults({}).kubernetes;

/** The minor version of Kubernetes. */
export const KUBERNETES = process.env.KUBERNETES ?? USUAL;

/** Whether this run is the one that docs/clusters.md is about. */
export const IS_DOCUMENTED = EVERY && KUBERNETES === USUAL;
