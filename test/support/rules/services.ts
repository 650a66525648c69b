// kube-proxy: Services with several endpoints, with affinity, external addresses, node
// ports and both policies for external traffic, in its two modes.

import type { Random } from "../random.ts";
import {
	endpointText,
	nftFamily,
	POOLS,
	PORTS,
	type Protocol,
	randomProtocol,
	randomVersion,
} from "./palette.ts";
import { hooks } from "./publishing.ts";
import { type Tables, V4, V6, type Version, type Written } from "./written.ts";

export interface Service {
	readonly version: Version;
	readonly proto: Protocol;
	readonly clusterIP: string;
	readonly port: number;
	/** An address that leads here too: the node's own, or a virtual one. */
	readonly externalIP: string | undefined;
	readonly nodePort: number | undefined;
	readonly endpoints: readonly string[];
	readonly podPort: number;
	readonly hasAffinity: boolean;
	/** External traffic goes to endpoints of this node alone. */
	readonly isLocal: boolean;
	/** nft: endpoints are chosen by one map of addresses, and not by a map of chains. */
	readonly hasOneMap: boolean;
}

export function randomService(r: Random): Service {
	const version = randomVersion(r);
	const { own, virtual, pods } = POOLS[version];
	return {
		version,
		proto: randomProtocol(r),
		clusterIP: r.pick(virtual),
		port: r.pick(PORTS),
		externalIP: r.chance(0.5) ? r.pick([...own, ...virtual]) : undefined,
		nodePort: r.chance(0.5) ? r.pick(PORTS) : undefined,
		endpoints: r.shuffled(pods).slice(0, r.pick([1, 1, 2, 3])),
		podPort: r.pick(PORTS),
		hasAffinity: r.chance(0.25),
		isLocal: r.chance(0.3),
		hasOneMap: r.chance(0.3),
	};
}

const LOCAL = "-m addrtype --dst-type LOCAL";
const isHere = (pod: string): boolean => !/^(10\.89|fd89)/.test(pod);

/** The mode iptables. */
export function kubeProxy(all: readonly Service[]): Written {
	const tables: Tables[] = [];
	for (const version of [V4, V6] as const) {
		const own = all.filter((s) => s.version === version);
		if (own.length === 0) continue;
		const services: string[] = [];
		const nodePorts: string[] = [];
		const chains: Record<string, string[]> = {
			PREROUTING: [
				`-m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			],
			OUTPUT: [
				`-m comment --comment "kubernetes service portals" -j KUBE-SERVICES`,
			],
			"KUBE-SERVICES": services,
			"KUBE-NODEPORTS": nodePorts,
			"KUBE-MARK-MASQ": ["-j MARK --set-xmark 0x4000/0x4000"],
		};
		for (const [i, s] of own.entries()) {
			const comment = `-m comment --comment "ns/svc${i} cluster IP"`;
			const dport = (port: number): string =>
				`-p ${s.proto} ${comment} -m ${s.proto} --dport ${port}`;
			services.push(`-d ${s.clusterIP} ${dport(s.port)} -j KUBE-SVC-${i}`);
			if (s.externalIP !== undefined)
				services.push(`-d ${s.externalIP} ${dport(s.port)} -j KUBE-EXT-${i}`);
			if (s.nodePort !== undefined)
				nodePorts.push(`${dport(s.nodePort)} -j KUBE-EXT-${i}`);
			chains[`KUBE-EXT-${i}`] = s.isLocal
				? [
						`-s ${POOLS[version].cluster} ${comment} -j KUBE-SVC-${i}`,
						`${comment} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ`,
						`${comment} -m addrtype --src-type LOCAL -j KUBE-SVC-${i}`,
						`-j KUBE-SVL-${i}`,
					]
				: [`${comment} -j KUBE-MARK-MASQ`, `-j KUBE-SVC-${i}`];
			const choice = (pods: readonly string[]): string[] => [
				...(s.hasAffinity
					? pods.map(
							(pod) =>
								`${comment} -m recent --rcheck --seconds 10800 --reap --name SEP-${i}-${s.endpoints.indexOf(pod)} --rsource -j KUBE-SEP-${i}-${s.endpoints.indexOf(pod)}`,
						)
					: []),
				...pods.map((pod, n) => {
					const rest = pods.length - n;
					const chance =
						rest > 1
							? `-m statistic --mode random --probability ${1 / rest} `
							: "";
					return `${comment} ${chance}-j KUBE-SEP-${i}-${s.endpoints.indexOf(pod)}`;
				}),
			];
			chains[`KUBE-SVC-${i}`] = [
				`! -s ${POOLS[version].cluster} -d ${s.clusterIP} ${dport(s.port)} -j KUBE-MARK-MASQ`,
				...choice(s.endpoints),
			];
			chains[`KUBE-SVL-${i}`] = choice(s.endpoints.filter(isHere));
			for (const [n, pod] of s.endpoints.entries())
				chains[`KUBE-SEP-${i}-${n}`] = [
					`-s ${pod} ${comment} -j KUBE-MARK-MASQ`,
					`-p ${s.proto} ${comment} ${s.hasAffinity ? `-m recent --set --name SEP-${i}-${n} --rsource ` : ""}-m ${s.proto} -j DNAT --to-destination ${endpointText(pod, s.podPort)}`,
				];
		}
		services.push(`${LOCAL} -j KUBE-NODEPORTS`);
		tables.push({ version, chains });
	}
	return { tables, nft: [] };
}

/** The mode nftables. */
export function kubeProxyNft(all: readonly Service[]): Written {
	const nft = ([V4, V6] as const).flatMap((version) => {
		const own = all.filter((s) => s.version === version);
		return own.length > 0 ? [kubeProxyFile(own, version)] : [];
	});
	return { tables: [], nft };
}

function kubeProxyFile(own: readonly Service[], version: Version): string {
	const family = nftFamily(version);
	const type = `ipv${version}_addr`;
	// a key can be there once
	const ips = new Map<string, string>();
	const nodePorts = new Map<string, string>();
	const chains: string[] = [];
	for (const [i, s] of own.entries()) {
		const external = `goto external-${i}`;
		if (s.externalIP !== undefined)
			ips.set(`${s.externalIP} . ${s.proto} . ${s.port}`, external);
		ips.set(`${s.clusterIP} . ${s.proto} . ${s.port}`, `goto service-${i}`);
		if (s.nodePort !== undefined)
			nodePorts.set(`${s.proto} . ${s.nodePort}`, external);
		for (const [n, pod] of s.endpoints.entries())
			chains.push(`
	set affinity-${i}-${n} {
		type ${type}; flags dynamic,timeout; timeout 10800s;
	}
	chain endpoint-${i}-${n} {
		${family} saddr ${pod} jump mark-for-masquerade
		${s.hasAffinity ? `update @affinity-${i}-${n} { ${family} saddr }` : ""}
		meta l4proto ${s.proto} dnat to ${endpointText(pod, s.podPort)}
	}`);
		const choice = (pods: readonly string[]): string => {
			const elements = (data: (pod: string) => string): string =>
				pods.map((pod, n) => `${n} : ${data(pod)}`).join(", ");
			const endpoint = (pod: string): string =>
				`endpoint-${i}-${s.endpoints.indexOf(pod)}`;
			if (pods.length === 0) return "";
			const random = `numgen random mod ${pods.length}`;
			if (s.hasOneMap)
				return `meta l4proto ${s.proto} dnat ${family} addr . port to ${random} map { ${elements((pod) => `${pod} . ${s.podPort}`)} }`;
			const again = s.hasAffinity
				? pods.map(
						(pod) =>
							`${family} saddr @affinity-${i}-${s.endpoints.indexOf(pod)} goto ${endpoint(pod)}\n\t\t`,
					)
				: [];
			return `${again.join("")}${random} vmap { ${elements((pod) => `goto ${endpoint(pod)}`)} }`;
		};
		chains.push(`
	chain service-${i} {
		${family} daddr ${s.clusterIP} ${s.proto} dport ${s.port} ${family} saddr != ${POOLS[version].cluster} jump mark-for-masquerade
		${choice(s.endpoints)}
	}
	chain local-${i} {
		${choice(s.endpoints.filter(isHere))}
	}
	chain external-${i} {
		${
			s.isLocal
				? `${family} saddr ${POOLS[version].cluster} goto service-${i} comment "short-circuit pod traffic"
		fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"
		fib saddr type local goto service-${i} comment "short-circuit local traffic"
		goto local-${i}`
				: `jump mark-for-masquerade\n\t\tgoto service-${i}`
		}
	}`);
	}
	const elements = (found: ReadonlyMap<string, string>): string =>
		found.size === 0
			? ""
			: `elements = { ${[...found].map(([k, v]) => `${k} : ${v}`).join(", ")} }`;
	return `table ${family} kube-proxy {
	chain mark-for-masquerade {
		meta mark set meta mark | 0x4000
	}${chains.join("")}
	map service-ips {
		type ${type} . inet_proto . inet_service : verdict
		${elements(ips)}
	}
	map service-nodeports {
		type inet_proto . inet_service : verdict
		${elements(nodePorts)}
	}
	set nodeport-ips {
		type ${type}
		elements = { ${POOLS[version].own.slice(0, 2).join(", ")} }
	}
	chain services {
		${family} daddr . meta l4proto . th dport vmap @service-ips
		${family} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
	}${hooks("jump services", "jump services")}
}`;
}
