// Programs by the names that they give to tables and chains.

import { expect, test } from "vitest";
import { engineOf, formatPlace } from "../../../../src/rules/engines.ts";

const nft = { backend: "nft", family: 2, chain: "c" } as const;

test.each([
	["portmap", { ...nft, table: "cni_hostport" }],
	["netavark", { ...nft, table: "netavark" }],
	["docker", { ...nft, table: "docker-bridges" }],
	["cri-o", { ...nft, table: "crio-hostports" }],
	["incus", { ...nft, table: "incus" }],
	["kube-proxy", { ...nft, table: "kube-proxy" }],
	["firewalld", { ...nft, table: "firewalld" }],
	["other", { ...nft, table: "mine" }],
	["portmap", { ...nft, table: "nat", chain: "CNI-HOSTPORT-DNAT" }],
	["portmap", { ...nft, table: "nat", chain: "CNI-DN-0123" }],
	["netavark", { ...nft, table: "nat", chain: "NETAVARK-DN-0123" }],
	["docker", { ...nft, table: "nat", chain: "DOCKER" }],
	["cri-o", { ...nft, table: "nat", chain: "KUBE-HOSTPORTS" }],
	["cri-o", { ...nft, table: "nat", chain: "KUBE-HP-0123" }],
	["kube-proxy", { ...nft, table: "nat", chain: "KUBE-SEP-0123" }],
	["kube-proxy", { ...nft, table: "nat", chain: "KUBE-HPX" }],
	["other", { ...nft, table: "nat", chain: "PREROUTING" }],
	[
		"portmap",
		{ ...nft, backend: "legacy", table: "nat", chain: "CNI-DN-0123" },
	],
	["other", { ...nft, backend: "legacy", table: "netavark" }],
] as const)("%s: %o", (want, chain) => expect(engineOf(chain)).toBe(want));

test.each([
	["ip nat CNI-DN-0123 handle 7", "nft", 2],
	["ip6 nat CNI-DN-0123 handle 7", "nft", 10],
	["inet nat CNI-DN-0123 handle 7", "nft", 1],
	["iptables-legacy nat CNI-DN-0123 rule 7", "legacy", 2],
	["ip6tables-legacy nat CNI-DN-0123 rule 7", "legacy", 10],
] as const)("%s", (want, backend, family) =>
	expect(
		formatPlace({
			backend,
			family,
			table: "nat",
			chain: "CNI-DN-0123",
			handle: 7,
		}),
	).toBe(want),
);
