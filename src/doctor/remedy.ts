// The commands that repair what the checks of the rules find. It runs none of them.

import type { Attachment, Mapping } from "../policy/mapping.ts";
import { nameOf } from "../policy/words.ts";
import type { DNATRule } from "../rules/dnat.ts";
import { type Engine, legacyTool } from "../rules/engines.ts";
import { type ChainID, type Place, TABLE_FAMILIES } from "../rules/model.ts";

/**
 * Returns the command that deletes a leftover rule of portmap or CRI-O, or the element of
 * a map. In legacy iptables it empties the chain, which is the pod's own: a rule has only
 * a position there, and each deletion would move the others.
 */
export function deletionOf(rule: Place | DNATRule): string {
	const { backend, family, table, chain, handle } = rule;
	if (backend === "legacy")
		return `${legacyTool(family)} -w -t ${table} -F ${chain}`;
	const where = `${TABLE_FAMILIES[family] ?? family} ${table}`;
	const element = "element" in rule ? rule.element : undefined;
	return element
		? `nft delete element ${where} ${element.map} { ${element.key} }`
		: `nft delete rule ${where} ${chain} handle ${handle}`;
}

/** Returns the command that lists a chain. */
export function listingOf({ backend, family, table, chain }: ChainID): string {
	return backend === "legacy"
		? `${legacyTool(family)} -w -t ${table} -S ${chain}`
		: `nft -a list chain ${TABLE_FAMILIES[family] ?? family} ${table} ${chain}`;
}

/** Returns the chain as nft names it, or that of legacy iptables: `ip nat CNI-HOSTPORT-DNAT`. */
export function formatChain({
	backend,
	family,
	table,
	chain,
}: ChainID): string {
	const where =
		backend === "legacy"
			? legacyTool(family)
			: (TABLE_FAMILIES[family] ?? family);
	return `${where} ${table} ${chain}`;
}

/** Returns how to make the rules of a pod anew. */
export function restartOf({ containerID }: Attachment): string {
	return `restart the pod, because its ADD makes its rules: crictl stopp ${containerID}`;
}

/** Returns how to end the conflict with a rule that stands before the one of a live pod. */
export function remedyFor(
	engine: Engine,
	by: Place,
	attachment: Attachment,
	{ hostPort }: Mapping,
): string {
	const change = `change the hostPort of ${nameOf(attachment)}, or`;
	switch (engine) {
		case "kube-proxy":
			return `${change} the Service that has the port: kubectl get services -A | grep -w ${hostPort}`;
		case "portmap":
		case "cri-o":
			return `${change} that of the other pod: conntrack-flush list --host-port ${hostPort}`;
		case "netavark":
			return `${change} the port that the container publishes: podman port --all | grep -w ${hostPort}`;
		case "docker":
			return `${change} the port that the container publishes: docker ps --filter publish=${hostPort}`;
		case "incus":
			return `${change} the proxy device that listens on the port: incus list -f yaml | grep -w ${hostPort}`;
		case "firewalld":
			return `${change} what firewalld forwards: firewall-cmd --list-forward-ports`;
		case "other":
			return `${change} look at the rule: ${listingOf(by)}`;
	}
}
