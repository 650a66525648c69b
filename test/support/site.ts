// The place where the tests happen: a node with two addresses of its own per
// family, and the world outside, which holds external clients and an external
// server. Addresses are from the documentation ranges and unique local IPv6.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "./exec.ts";
import { cable, createNamespace, ip, type Namespace, sysctl } from "./netns.ts";
import { onEnd } from "./undo.ts";

export const HOST4 = "203.0.113.1";
/** The node's second address, for mappings that are bound to a hostIP. */
export const HOST4B = "203.0.113.10";
export const HOST6 = "fd03::1";
export const HOST6B = "fd03::10";
export const SERVER4 = "198.51.100.9";
export const SERVER6 = "fd09::9";
/** A virtual address of no machine: a Service, DNATed by a rule of its own. */
export const SERVICE4 = "10.96.0.10";
export const POD_NET4 = "10.88.0.0/16";
export const POD_NET6 = "fd88::/64";

export interface Site {
	readonly node: Namespace;
	readonly world: Namespace;
	/** Scratch directory for IPAM and plugin state. */
	readonly dir: string;
}

export async function createSite(): Promise<Site> {
	const dir = mkdtempSync(join(tmpdir(), "conntrack-flush-"));
	onEnd(() => rmSync(dir, { recursive: true, force: true }));
	const node = await createNamespace("node");
	const world = await createNamespace("world");
	await cable([node, "uplink"], [world, "eth0"]);
	await sysctl(node, {
		"net.ipv4.ip_forward": 1,
		"net.ipv6.conf.all.forwarding": 1,
		// DNAT of 127.0.0.1 to a pod looks like a martian to the reverse path filter.
		"net.ipv4.conf.all.rp_filter": 0,
		"net.ipv4.conf.default.rp_filter": 0,
		// Longer than any test: no entry may go away by itself, so neither the
		// stale nor the healthy ones can help a test to pass.
		"net.netfilter.nf_conntrack_udp_timeout": 900,
		"net.netfilter.nf_conntrack_udp_timeout_stream": 900,
	});
	await ip(node, [
		`address add ${HOST4}/24 dev uplink`,
		`address add ${HOST4B}/24 dev uplink`,
		`address add ${HOST6}/64 dev uplink`,
		`address add ${HOST6B}/64 dev uplink`,
		"route add default via 203.0.113.2",
		"route add ::/0 via fd03::2",
	]);
	await ip(world, [
		"address add 203.0.113.2/24 dev eth0",
		`address add ${SERVER4}/32 dev lo`,
		"address add fd03::2/64 dev eth0",
		`address add ${SERVER6}/128 dev lo`,
		`route add default via ${HOST4}`,
		`route add ::/0 via ${HOST6}`,
	]);
	// Pods reach the world under the node's address, as on most clusters.
	for (const [tables, net] of [
		["iptables", POD_NET4],
		["ip6tables", POD_NET6],
	] as const) {
		await must(
			node.inside(
				`${tables} -w -t nat -A POSTROUTING -s ${net} -o uplink -j MASQUERADE`.split(
					" ",
				),
			),
		);
	}
	return { node, world, dir };
}
