// The ways in which the clusters that are made here can differ.

export type ProxyMode = "iptables" | "nftables";
/** How portmap writes its rules. */
export type PortmapBackend = "iptables" | "nftables";
export type Stack = "IPv4" | "dual";

export interface ClusterOptions {
	/** Its namespaces, cgroups and directory are named after it, so that clusters can be side by side. */
	readonly name: string;
	readonly proxyMode: ProxyMode;
	readonly portmapBackend: PortmapBackend;
	readonly stack: Stack;
	/** The cniVersion of the network's conflist. */
	readonly cniVersion: string;
	/** Major and minor. */
	readonly kubernetes: string;
}

export function withDefaults(options: Partial<ClusterOptions>): ClusterOptions {
	return {
		name: `cf${process.pid}`,
		proxyMode: "iptables",
		portmapBackend: "iptables",
		stack: "IPv4",
		cniVersion: "1.0.0",
		kubernetes: "1.37",
		...options,
	};
}
