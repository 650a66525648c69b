// The programs that publish ports of containers: portmap, netavark, Docker and CRI-O.
// Each writes the same list in its own way. forwarding.ts has those that forward ports.

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
import { type Tables, V4, V6, type Version, type Written } from "./written.ts";

/** A port of the node that leads to a pod. */
export interface Published {
	readonly version: Version;
	readonly proto: Protocol;
	/** Undefined stands for every address of the node. */
	readonly hostIP: string | undefined;
	readonly port: number;
	readonly pod: string;
	readonly podPort: number;
}

export function randomPublished(r: Random): Published {
	const version = randomVersion(r);
	const { own, pods } = POOLS[version];
	return {
		version,
		proto: randomProtocol(r),
		hostIP: r.chance(0.3) ? r.pick(own) : undefined,
		port: r.pick(PORTS),
		pod: r.pick(pods),
		podPort: r.pick(PORTS),
	};
}

type Chains = Record<string, string[]>;
type All = readonly Published[];

/** Writes tables of iptables for each version that has something published. */
function tables(
	all: All,
	write: (own: All, version: Version) => Chains,
): Written {
	const written: Tables[] = [];
	for (const version of [V4, V6] as const) {
		const own = all.filter((p) => p.version === version);
		if (own.length > 0) written.push({ version, chains: write(own, version) });
	}
	return { tables: written, nft: [] };
}

/** Writes a file of nft with a table for each version that has something published. */
function files(
	all: All,
	write: (own: All, family: "ip" | "ip6", version: Version) => string,
): Written {
	const nft = ([V4, V6] as const).flatMap((version) => {
		const own = all.filter((p) => p.version === version);
		return own.length > 0 ? [write(own, nftFamily(version), version)] : [];
	});
	return { tables: [], nft };
}

export const toPod = (p: Published): string => endpointText(p.pod, p.podPort);
const onlyIP = ({ hostIP }: Published): string =>
	hostIP === undefined ? "" : `-d ${hostIP} `;
export const daddr = ({ hostIP, version }: Published): string =>
	hostIP === undefined ? "" : `${nftFamily(version)} daddr ${hostIP} `;
export const loopback = (version: Version): string =>
	version === V4 ? "127.0.0.0/8" : "::1";
const LOCAL = "-m addrtype --dst-type LOCAL";
/** A chain on each hook, at the usual priority. */
export const hooks = (
	prerouting: string,
	output: string,
	priority = -100,
): string => `
	chain prerouting {
		type nat hook prerouting priority ${priority}; policy accept;
		${prerouting}
	}
	chain output {
		type nat hook output priority ${priority}; policy accept;
		${output}
	}`;

/** portmap of containernetworking/plugins, iptables. */
export function portmap(all: All): Written {
	return tables(all, (own, version) => {
		const chains: Chains = {
			PREROUTING: [`${LOCAL} -j CNI-HOSTPORT-DNAT`],
			OUTPUT: [`${LOCAL} -j CNI-HOSTPORT-DNAT`],
			"CNI-HOSTPORT-SETMARK": [
				`-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark 0x2000/0x2000`,
			],
			"CNI-HOSTPORT-DNAT": [],
		};
		for (const [i, p] of own.entries()) {
			const dn = `CNI-DN-${i}`;
			const dport = `${onlyIP(p)}-p ${p.proto} -m ${p.proto} --dport ${p.port}`;
			chains["CNI-HOSTPORT-DNAT"]?.push(
				`-p ${p.proto} -m comment --comment "dnat name: \\"n\\" id: \\"${i}\\"" -m multiport --dports ${p.port} -j ${dn}`,
			);
			chains[dn] = [
				`-s ${POOLS[version].networks[0]} ${dport} -j CNI-HOSTPORT-SETMARK`,
				`${dport} -j DNAT --to-destination ${toPod(p)}`,
			];
		}
		return chains;
	});
}

/** portmap with the backend nftables. */
export function portmapNft(all: All): Written {
	return files(all, (own, family) => {
		const rules = (some: All): string =>
			some
				.map((p) => `${daddr(p)}${p.proto} dport ${p.port} dnat to ${toPod(p)}`)
				.join("\n\t\t");
		const call =
			"fib daddr type local jump hostip_hostports\n\t\tfib daddr type local jump hostports";
		return `table ${family} cni_hostport {
	chain hostip_hostports {
		${rules(own.filter((p) => p.hostIP !== undefined))}
	}
	chain hostports {
		${rules(own.filter((p) => p.hostIP === undefined))}
	}${hooks(call, call)}
}`;
	});
}

/** netavark 1.4, which writes iptables. */
export function netavark(all: All): Written {
	return tables(all, (own, version) => {
		const chains: Chains = {
			PREROUTING: [`${LOCAL} -j NETAVARK-HOSTPORT-DNAT`],
			OUTPUT: [`${LOCAL} -j NETAVARK-HOSTPORT-DNAT`],
			"NETAVARK-HOSTPORT-SETMARK": ["-j MARK --set-xmark 0x2000/0x2000"],
			"NETAVARK-HOSTPORT-DNAT": [],
		};
		for (const [i, p] of own.entries()) {
			const dn = `NETAVARK-DN-${i}`;
			const dport = `${onlyIP(p)}-p ${p.proto} -m ${p.proto} --dport ${p.port}`;
			chains["NETAVARK-HOSTPORT-DNAT"]?.push(
				`${dport} -m comment --comment "dnat name: podman id: ${i}" -j ${dn}`,
			);
			chains[dn] = [
				`-s ${POOLS[version].networks[0]} ${dport} -j NETAVARK-HOSTPORT-SETMARK`,
				`${dport} -j DNAT --to-destination ${toPod(p)}`,
			];
		}
		return chains;
	});
}

/** netavark 2, which writes one table for both families. */
export function netavarkNft(all: All): Written {
	const call = "fib daddr type local jump NETAVARK-HOSTPORT-DNAT";
	const dport = (p: Published): string =>
		`${daddr(p)}meta nfproto ipv${p.version} ${p.proto} dport ${p.port}`;
	const chains = all.map(
		(p, i) => `
	chain nv_${i}_dnat {
		${nftFamily(p.version)} saddr ${POOLS[p.version].networks[0]} ${p.proto} dport ${p.port} jump SETMARK
		${dport(p)} ct mark set 0x2000
		${dport(p)} dnat ${nftFamily(p.version)} to ${toPod(p)}
	}`,
	);
	const nft = `table inet netavark {
	chain SETMARK {
		meta mark set meta mark | 0x2000
	}${chains.join("")}
	chain NETAVARK-HOSTPORT-DNAT {
		${all.map((p, i) => `${dport(p)} jump nv_${i}_dnat`).join("\n\t\t")}
	}${hooks(call, call)}
}`;
	return { tables: [], nft: [nft] };
}

/** Docker with iptables; with its proxy, the rules leave out what comes from the bridge or to the loopback. */
export function docker(hasProxy: boolean): (all: All) => Written {
	return (all) =>
		tables(all, (own, version) => ({
			PREROUTING: [`${LOCAL} -j DOCKER`],
			OUTPUT: [
				`${hasProxy ? `! -d ${loopback(version)} ` : ""}${LOCAL} -j DOCKER`,
			],
			DOCKER: own.map(
				(p) =>
					`${version === V6 ? "! -s fe80::/10 " : ""}${onlyIP(p)}${hasProxy ? "! -i br0 " : ""}-p ${p.proto} -m ${p.proto} --dport ${p.port} -j DNAT --to-destination ${toPod(p)}`,
			),
		}));
}

/** Docker with nftables. */
export function dockerNft(all: All): Written {
	return files(
		all,
		(own, family, version) => `table ${family} docker-bridges {
	chain nat-prerouting-and-output {
		${own.map((p) => `iifname != "br0" ${daddr(p)}${p.proto} dport ${p.port} counter dnat to ${toPod(p)} comment "DNAT"`).join("\n\t\t")}
	}${hooks(
		"fib daddr type local counter jump nat-prerouting-and-output",
		`${family} daddr != ${loopback(version)} fib daddr type local counter jump nat-prerouting-and-output`,
	)}
}`,
	);
}

/** CRI-O with iptables. */
export function crio(all: All): Written {
	return tables(all, (own) => {
		const call = `-m comment --comment "kube hostport portals" ${LOCAL} -j KUBE-HOSTPORTS`;
		const chains: Chains = {
			PREROUTING: [call],
			OUTPUT: [call],
			"CRIO-MARK-MASQ": ["-j MARK --set-xmark 0x4000/0x4000"],
			"KUBE-HOSTPORTS": [],
		};
		for (const [i, p] of own.entries()) {
			const hp = `KUBE-HP-${i}`;
			chains["KUBE-HOSTPORTS"]?.push(
				`-p ${p.proto} -m comment --comment "pod hostport ${p.port}" -m ${p.proto} --dport ${p.port} -j ${hp}`,
			);
			chains[hp] = [
				`-s ${p.pod} -j CRIO-MARK-MASQ`,
				`${onlyIP(p)}-p ${p.proto} -m ${p.proto} -j DNAT --to-destination ${toPod(p)}`,
			];
		}
		return chains;
	});
}

/** CRI-O with nftables: a mapping is an element of a map. A key can be there once. */
export function crioNft(all: All): Written {
	const type = (version: Version): string => `ipv${version}_addr`;
	return files(all, (own, family, version) => {
		const elements = (some: All, key: (p: Published) => string): string => {
			const found = new Map(
				some.map((p) => [key(p), `${p.pod} . ${p.podPort}`]),
			);
			const text = [...found].map(([k, data]) => `${k} : ${data}`).join(", ");
			return text === "" ? "" : `elements = { ${text} }`;
		};
		const call = "fib daddr type local goto hostports";
		return `table ${family} crio-hostports {
	map hostports {
		type inet_proto . inet_service : ${type(version)} . inet_service
		${elements(
			own.filter((p) => p.hostIP === undefined),
			(p) => `${p.proto} . ${p.port}`,
		)}
	}
	map hostip-hostports {
		type ${type(version)} . inet_proto . inet_service : ${type(version)} . inet_service
		${elements(
			own.filter((p) => p.hostIP !== undefined),
			(p) => `${p.hostIP} . ${p.proto} . ${p.port}`,
		)}
	}
	chain hostports {
		dnat ${family} addr . port to ${family} daddr . meta l4proto . th dport map @hostip-hostports
		dnat ${family} addr . port to meta l4proto . th dport map @hostports
	}${hooks(call, call)}
}`;
	});
}
