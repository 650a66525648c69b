// The network that a cluster's machines are on: a switch in a namespace of its own,
// and the addresses of everybody on it. There is no way out of it.

import { quietly } from "../support/exec.ts";
import {
	cable,
	createNamespace,
	ip,
	type Namespace,
	sysctl,
} from "../support/netns.ts";
import { equip } from "../support/node.ts";
import type { ClusterOptions, Stack } from "./options.ts";

export type Role = "control" | "clients" | "node1" | "node2";

/** The last part of each one's addresses. */
const NUMBERS: Readonly<Record<Role | "switch", number>> = {
	switch: 1,
	control: 2,
	node1: 11,
	node2: 12,
	clients: 100,
};

/** The names of all namespaces of a cluster. */
export function namespacesOf(cluster: string): string[] {
	return Object.keys(NUMBERS).map((role) => `${cluster}-${role}`);
}

/** IPv4, then IPv6 if the cluster has it. */
export function addressesOf(role: Role | "switch", stack: Stack): string[] {
	const number = NUMBERS[role];
	const all = [`203.0.113.${number}`, `fd03::${number}`];
	return stack === "dual" ? all : all.slice(0, 1);
}

export interface Lan {
	/** A new machine's namespace, with its cable in the switch. */
	plug(role: Role): Promise<Namespace>;
	/** Nothing from or to that machine passes from now on. */
	unplug(role: Role): void;
	remove(): void;
}

export async function createLan({ name, stack }: ClusterOptions): Promise<Lan> {
	const hub = await createNamespace("switch", { name: `${name}-switch` });
	await ip(hub, ["link add br0 type bridge", "link set br0 up"]);
	await equip(hub, { addresses: { br0: onLink("switch", stack) } });
	return {
		async plug(role) {
			const ns = await createNamespace(role, { name: `${name}-${role}` });
			await cable([hub, role], [ns, "eth0"]);
			await ip(hub, [`link set ${role} master br0`]);
			// a machine that boots again has the network card of before
			const mac = `02:00:cb:00:71:${hex(NUMBERS[role])}`;
			await ip(ns, [`link set eth0 address ${mac}`]);
			await equip(ns, {
				addresses: { eth0: onLink(role, stack) },
				gateways: addressesOf("switch", stack),
				forwards: role.startsWith("node"),
			});
			// A node that boots forwards what comes to its further addresses until it has
			// them. On a busy machine it is then late for its own redirects, which are
			// believed for five minutes, whatever route is set meanwhile.
			await sysctl(ns, {
				"net.ipv4.conf.all.accept_redirects": 0,
				"net.ipv4.conf.eth0.accept_redirects": 0,
			});
			return ns;
		},
		unplug: (role) => quietly(["ip", "-n", hub.name, "link", "del", role]),
		remove: () => hub.remove(),
	};
}

function onLink(role: Role | "switch", stack: Stack): string[] {
	return addressesOf(role, stack).map((address) =>
		address.includes(":") ? `${address}/64` : `${address}/24`,
	);
}

function hex(byte: number): string {
	return byte.toString(16).padStart(2, "0");
}
