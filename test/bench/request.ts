// The request of a container runtime: the environment and the document on stdin.
// The same document goes to this plugin and to portmap.

export const POD4 = "10.88.0.2";
export const POD6 = "fd88::2";
/** The pod that had the host port before. */
export const GONE4 = "10.88.0.99";
export const GONE6 = "fd88::99";

export interface Mapping {
	readonly host: number;
	readonly container: number;
}

/** Port 53 is that of a third of the table, see floor/fill.c. */
export const DNS: Mapping = { host: 53, container: 5353 };

/** Ports that nothing else in the table has, if they are not nearly all that there are. */
export function mappings(count: number): Mapping[] {
	const host = count > 40_000 ? 1 : 20_000;
	const container = count > 40_000 ? 1 : 10_000;
	return Array.from({ length: count }, (_, i) => ({
		host: host + i,
		container: container + i,
	}));
}

/** "20000:10000", as the C programs take it. */
export function pair(m: Mapping): string {
	return `${m.host}:${m.container}`;
}

export function mappingsOf(request: Request): Mapping[] {
	return request.dns ? [DNS] : mappings(request.ports);
}

export interface Request {
	/** RECONCILE is no verb: `reconcile` of the command line. TABLE stands for its commands about the whole table (table.ts). */
	readonly command: "VERSION" | "ADD" | "DEL" | "RECONCILE" | "TABLE";
	readonly ports: number;
	/** The one port is 53. */
	readonly dns: boolean;
	readonly dual: boolean;
	readonly on: "both" | "del" | "add";
}

export function stdin(request: Request, dataDir: string): string {
	if (request.command === "VERSION") return '{"cniVersion":"1.0.0"}';
	const ips = [{ address: `${POD4}/16`, gateway: "10.88.0.1", interface: 2 }];
	if (request.dual)
		ips.push({ address: `${POD6}/64`, gateway: "fd88::1", interface: 2 });
	return JSON.stringify({
		cniVersion: "1.0.0",
		name: "podnet",
		type: "conntrack-flush",
		capabilities: { portMappings: true },
		on: request.on,
		// its own directory where a verb writes; else as in most configurations
		...(request.ports > 0 && { dataDir }),
		backend: "iptables", // for portmap; the distribution's knows no other
		...(request.ports > 0 && {
			runtimeConfig: {
				portMappings: mappingsOf(request).map((m) => ({
					hostPort: m.host,
					containerPort: m.container,
					protocol: "udp",
				})),
			},
		}),
		prevResult: {
			cniVersion: "1.0.0",
			interfaces: [
				{ name: "cni0", mac: "2e:95:d8:61:0f:4e" },
				{ name: "veth1f0c9d35", mac: "62:7f:0e:4b:33:9a" },
				{
					name: "eth0",
					mac: "0a:58:0a:58:00:02",
					sandbox: "/var/run/netns/pod",
				},
			],
			ips,
			routes: [{ dst: "0.0.0.0/0" }],
			dns: {
				nameservers: ["10.96.0.10"],
				search: ["svc.cluster.local", "cluster.local"],
			},
		},
	});
}

export function environment(
	request: Request,
	podNamespace: string,
): Record<string, string> {
	return {
		PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		CNI_COMMAND: request.command,
		CNI_CONTAINERID:
			"4f2e1c6a9b0d4f2e1c6a9b0d4f2e1c6a9b0d4f2e1c6a9b0d4f2e1c6a9b0d4f2e",
		CNI_NETNS: `/run/netns/${podNamespace}`,
		CNI_IFNAME: "eth0",
		CNI_PATH: "/opt/cni/bin",
		CNI_ARGS:
			"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=statsd-7c9fb",
	};
}
