// A node: the addresses, routes and settings of a network namespace that plays one,
// or a machine beside it. Names of machines and the cables between them are netns.ts's;
// what one test needs on top stands in that test.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ip, type Namespace, sysctl } from "./netns.ts";
import { onEnd } from "./undo.ts";

// Addresses are from the documentation ranges and unique local IPv6.
export const HOST4 = "203.0.113.1";
export const HOST6 = "fd03::1";
/** The node's second addresses, for mappings that are bound to a hostIP. */
export const HOST4B = "203.0.113.10";
export const HOST6B = "fd03::10";

/** Addresses with their prefixes: the node's own on its way out, and the pods' gateway on its bridge. */
export const UPLINK = [`${HOST4}/24`, `${HOST6}/64`];
export const UPLINK_SECOND = [`${HOST4B}/24`, `${HOST6B}/64`];
/** The same where a node has no interface but lo. */
export const ON_LOOPBACK = [`${HOST4}/32`, `${HOST6}/128`];
export const GATEWAY = ["10.88.0.1/16", "fd88::1/64"];

export interface Equipment {
	/** Addresses with their prefixes, by interface. */
	readonly addresses: Readonly<Record<string, readonly string[]>>;
	/** Interfaces that are made first, and lead nowhere. The others are there. */
	readonly made?: readonly string[];
	/** The next hops of everything else, one for each family. */
	readonly gateways?: readonly string[];
	readonly forwards?: boolean;
	/** UDP entries last longer than any test: none ends by itself, so none can help a test to pass. */
	readonly keepsEntries?: boolean;
}

export async function equip(
	ns: Namespace,
	{
		addresses,
		made = [],
		gateways = [],
		forwards = false,
		keepsEntries = false,
	}: Equipment,
): Promise<void> {
	if (forwards || keepsEntries)
		await sysctl(ns, {
			...(forwards && {
				"net.ipv4.ip_forward": 1,
				"net.ipv6.conf.all.forwarding": 1,
			}),
			...(keepsEntries && {
				"net.netfilter.nf_conntrack_udp_timeout": 900,
				"net.netfilter.nf_conntrack_udp_timeout_stream": 900,
			}),
		});
	await ip(ns, [
		...made.flatMap((name) => [
			`link add ${name} type veth peer name ${name}-peer`,
			`link set ${name} up`,
			`link set ${name}-peer up`,
		]),
		...Object.entries(addresses).flatMap(([dev, own]) =>
			own.map((address) => `address add ${address} dev ${dev}`),
		),
		...gateways.map((via) =>
			via.includes(":")
				? `route add ::/0 via ${via}`
				: `route add default via ${via}`,
		),
	]);
}

/** Returns a new directory, which is removed at the end with all that is in it. */
export function temporaryDirectory(name: string): string {
	const dir = mkdtempSync(join(tmpdir(), `conntrack-flush-${name}-`));
	onEnd(() => rmSync(dir, { recursive: true, force: true }));
	return dir;
}
