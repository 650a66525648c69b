// A Service on an address of the node, as kube-proxy writes it, before all other rules:
// its jump is inserted, and portmap appends its own. It watches no API server.

import { must } from "./exec.ts";
import type { Namespace } from "./netns.ts";
import { kubeProxy, type Service } from "./rules/services.ts";
import { V4, V6, type Version } from "./rules/written.ts";

export interface Exposed {
	/** Addresses of the node, of both families. */
	readonly externalIPs: readonly string[];
	readonly port: number;
	readonly endpoints: readonly string[];
	readonly podPort: number;
}

const versionOf = (address: string): Version =>
	address.includes(":") ? V6 : V4;

/** Adds the Service's rules. */
export async function exposeService(
	ns: Namespace,
	exposed: Exposed,
): Promise<void> {
	const services = exposed.externalIPs.map((ip) => serviceOn(ip, exposed));
	const { tables } = kubeProxy(services);
	for (const { version, chains } of tables) {
		const tool = version === V4 ? "iptables-restore" : "ip6tables-restore";
		const input = restoreText(chains);
		await must(ns.inside([tool, "-w", "--noflush"]), { input });
	}
}

function serviceOn(ip: string, exposed: Exposed): Service {
	const version = versionOf(ip);
	return {
		version,
		proto: "udp",
		clusterIP: version === V4 ? "10.96.0.53" : "fd96::53",
		port: exposed.port,
		externalIP: ip,
		nodePort: undefined,
		endpoints: exposed.endpoints.filter((pod) => versionOf(pod) === version),
		podPort: exposed.podPort,
		hasAffinity: false,
		isLocal: false,
		hasOneMap: false,
	};
}

function restoreText(
	chains: Readonly<Record<string, readonly string[]>>,
): string {
	const isOwn = (name: string): boolean => name.startsWith("KUBE-");
	const names = Object.keys(chains);
	return [
		"*nat",
		...names.filter(isOwn).map((name) => `:${name} - [0:0]`),
		...names.flatMap((name) =>
			(chains[name] ?? []).map(
				(rule) => `${isOwn(name) ? "-A" : "-I"} ${name} ${rule}`,
			),
		),
		"COMMIT",
		"",
	].join("\n");
}
