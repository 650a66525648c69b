// Small pools of addresses and ports, so that rules of different programs meet on the
// same frontends, and packets meet rules. world.ts has the same addresses.

import type { Random } from "../random.ts";
import { V4, V6, type Version } from "./written.ts";

export type Protocol = "udp" | "tcp" | "sctp";
export const PROTOCOLS: Readonly<Record<Protocol, number>> = {
	udp: 17,
	tcp: 6,
	sctp: 132,
};

export const PORTS: readonly number[] = [53, 5353, 8125, 8126, 30053];

interface Pools {
	/** The node's own, without the loopback. */
	readonly own: readonly string[];
	readonly loopback: string;
	/** Addresses of no machine. */
	readonly virtual: readonly string[];
	readonly pods: readonly string[];
	/** Clients by the interface on which they may arrive. */
	readonly clients: Readonly<Record<"up0" | "up1" | "br0", readonly string[]>>;
	readonly cluster: string;
	/** Networks that a rule may name. */
	readonly networks: readonly string[];
	/** Ranges of pods, of which a rule chooses one. */
	readonly ranges: readonly (readonly [string, string])[];
}

export const POOLS: Readonly<Record<Version, Pools>> = {
	[V4]: {
		own: ["203.0.113.1", "203.0.113.10", "192.0.2.1", "10.88.0.1"],
		loopback: "127.0.0.1",
		virtual: ["10.96.0.10", "10.96.0.11"],
		pods: ["10.88.0.2", "10.88.0.3", "10.88.0.4", "10.89.0.4"],
		clients: {
			// the answers to 198.51.100.0/24 go out on up0, wherever it came from
			up0: ["198.51.100.7", "198.51.100.8", "203.0.113.2"],
			up1: ["198.51.100.7", "192.0.2.7", "10.89.0.3"],
			br0: ["10.88.0.2", "10.88.0.7"],
		},
		cluster: "10.88.0.0/15",
		networks: ["10.88.0.0/16", "198.51.100.0/24", "203.0.113.0/29"],
		ranges: [
			["10.88.0.2", "10.88.0.4"],
			["10.88.1.250", "10.88.2.3"],
		],
	},
	[V6]: {
		own: ["fd03::1", "fd03::10", "fd02::1", "fd88::1"],
		loopback: "::1",
		virtual: ["fd96::10", "fd96::11"],
		pods: ["fd88::2", "fd88::3", "fd88::4", "fd89::4"],
		clients: {
			up0: ["fd09::7", "fd09::8", "fd03::2"],
			up1: ["fd09::7", "fd02::7", "fd89::3"],
			br0: ["fd88::2", "fd88::7"],
		},
		cluster: "fd88::/15",
		networks: ["fd88::/64", "fd09::/64", "fd03::/124"],
		ranges: [
			["fd88::2", "fd88::4"],
			// each word is drawn by itself (find_best_ips_proto)
			["fd88::2:0:5", "fd88::3:0:2"],
		],
	},
};

export function randomVersion(r: Random): Version {
	return r.chance(0.6) ? V4 : V6;
}

export function randomProtocol(r: Random): Protocol {
	return r.pick(["udp", "udp", "udp", "udp", "tcp", "sctp"]);
}

/** Returns `ADDRESS:PORT` as iptables and nft read it. */
export function endpointText(address: string, port: number | string): string {
	return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Returns the name that nft has for the version. */
export function nftFamily(version: Version): "ip" | "ip6" {
	return version === V4 ? "ip" : "ip6";
}
