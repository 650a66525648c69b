// The program that a rule belongs to, by the names that it gives its tables and chains.
// Names are a convention and no proof, so they decide only what a message says and whose
// rules a repair may act on.

import { AF_INET } from "../net/ip.ts";
import { type ChainID, type Place, TABLE_FAMILIES } from "./model.ts";

/** The programs that publish ports by rules. "other" is a firewall or a person. */
export type Engine =
	| "portmap"
	| "netavark"
	| "docker"
	| "cri-o"
	| "incus"
	| "kube-proxy"
	| "firewalld"
	| "other";

/** The engines that publish ports of containers. */
export const PUBLISHING: readonly Engine[] = [
	"portmap",
	"netavark",
	"docker",
	"cri-o",
	"incus",
];

/** The engines by the names of tables that they alone have. */
const TABLES: ReadonlyMap<string, Engine> = new Map([
	["cni_hostport", "portmap"],
	["netavark", "netavark"],
	["docker-bridges", "docker"],
	["crio-hostports", "cri-o"],
	["incus", "incus"],
	["lxd", "incus"],
	["kube-proxy", "kube-proxy"],
	["firewalld", "firewalld"],
]);

/** The engines by the beginnings of their chains' names, in the tables of iptables. The first that agrees counts. */
const CHAINS: readonly (readonly [RegExp, Engine])[] = [
	[/^CNI-(HOSTPORT|DN|SN)-/, "portmap"],
	[/^NETAVARK-/, "netavark"],
	[/^DOCKER/, "docker"],
	// kubelet's own hostPorts used these names before CRI-O did
	[/^KUBE-(HOSTPORTS$|HP-)/, "cri-o"],
	[/^KUBE-/, "kube-proxy"],
	[/^(incus|lxd)/i, "incus"],
];

/** Returns the program whose rule this is. */
export function engineOf({ backend, table, chain }: ChainID): Engine {
	const byTable = backend === "nft" ? TABLES.get(table) : undefined;
	if (byTable) return byTable;
	return CHAINS.find(([name]) => name.test(chain))?.[1] ?? "other";
}

/** Returns the place as nft names it: `ip nat CNI-DN-0123 handle 7`. */
export function formatPlace({
	backend,
	family,
	table,
	chain,
	handle,
}: Place): string {
	return backend === "legacy"
		? `${legacyTool(family)} ${table} ${chain} rule ${handle}`
		: `${TABLE_FAMILIES[family] ?? family} ${table} ${chain} handle ${handle}`;
}

/** Returns the command for the tables of legacy iptables of this family. */
export function legacyTool(family: number): string {
	return `${family === AF_INET ? "iptables" : "ip6tables"}-legacy`;
}
