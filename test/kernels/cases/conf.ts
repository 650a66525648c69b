// The configuration on stdin of a verb, for the pod of the scene.

import { CONTAINER_PORT, HOST_PORT, POD, POD6 } from "../scene.ts";

export interface Wish {
	readonly on?: "both" | "add" | "del";
	readonly protocols?: readonly string[];
	/** The families; both if not given. */
	readonly ips?: readonly string[];
	readonly hostPorts?: readonly number[];
	readonly hostIP?: string;
	readonly retireSeconds?: number;
	readonly scope?: "pod";
	/** The pod's interfaces on the node. */
	readonly hostInterfaces?: readonly string[];
	/** More members of the document. */
	readonly more?: object;
}

/** One mapping for each protocol and hostPort. */
export function conf(wish: Wish = {}): object {
	const { on, protocols = ["udp"], retireSeconds, scope } = wish;
	const { hostInterfaces = [] } = wish;
	const { ips = [POD, POD6], hostPorts = [HOST_PORT], hostIP } = wish;
	return {
		cniVersion: "1.1.0",
		name: "podnet",
		type: "conntrack-flush",
		dataDir: "/run/conntrack-flush",
		logLevel: "debug",
		protocols,
		...(on && { on }),
		...(scope && { scope }),
		...(retireSeconds && { retireSeconds }),
		...wish.more,
		...(scope !== "pod" && {
			runtimeConfig: {
				portMappings: protocols.flatMap((protocol) =>
					hostPorts.map((hostPort) => ({
						hostPort,
						containerPort: CONTAINER_PORT,
						protocol,
						...(hostIP && { hostIP }),
					})),
				),
			},
		}),
		prevResult: {
			cniVersion: "1.1.0",
			interfaces: [
				{ name: "eth0", sandbox: "/proc/1/ns/net" },
				...hostInterfaces.map((name) => ({ name })),
			],
			ips: ips.map((ip) => ({
				address: ip.includes(":") ? `${ip}/64` : `${ip}/16`,
				interface: 0,
			})),
		},
	};
}
