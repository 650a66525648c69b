// The stage of the runtime tests: a topology whose node is a machine of its own,
// and clients outside the node that send without pause to its published ports.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createLedger, type Ledger } from "../arrivals.ts";
import type { PortMapping } from "../chain.ts";
import { readTable } from "../conntrack.ts";
import { HOST4, HOST4B, HOST6 } from "../node.ts";
import { OUR_BIN } from "../requirements.ts";
import { openStation, type Station } from "../station.ts";
import { createTopology, type Topology } from "../topology.ts";
import { createMachine, type Machine } from "./machine.ts";
import { tool, version } from "./tools.ts";

export const CONTAINER_PORT = 5353;

/** The ports that the pods publish: one on all addresses, and one on the second address only. */
export const MAPPINGS: readonly PortMapping[] = [
	{ hostPort: 8125, containerPort: CONTAINER_PORT, protocol: "udp" },
	{
		hostPort: 8053,
		containerPort: CONTAINER_PORT,
		protocol: "udp",
		hostIP: HOST4B,
	},
];

export interface Kind {
	readonly name: string;
	readonly to: string;
	readonly port: number;
	readonly ids: readonly number[];
}

/** IPv6 comes last: not every network has it. */
export const KINDS: readonly Kind[] = [
	{ name: "IPv4", to: HOST4, port: 8125, ids: range(0, 32) },
	{ name: "IPv4 to a hostIP", to: HOST4B, port: 8053, ids: range(32, 16) },
	{ name: "IPv6", to: HOST6, port: 8125, ids: range(48, 16) },
];

const FIRST_PORT = 20_000;
/** 20 datagrams a second and client. */
const EVERY_MS = 50;

export interface Node {
	readonly topology: Topology;
	readonly machine: Machine;
	readonly ledger: Ledger;
	/** A new directory, seen inside the machine under the same path. */
	dir(name: string): string;
	/** Clients of these kinds send from now on. */
	startClients(kinds: readonly Kind[]): Promise<void>;
	stopClients(): Promise<void>;
}

export async function createNode(): Promise<Node> {
	const topology = await createTopology();
	const machine = await createMachine(topology.node);
	const ledger = createLedger();
	const world: Station = await openStation(topology.world);
	return {
		topology,
		machine,
		ledger,
		dir(name) {
			const path = join(topology.dir, name);
			mkdirSync(path, { recursive: true });
			return path;
		},
		startClients: (kinds) =>
			world.send(
				kinds.flatMap(({ to, port, ids }) =>
					ids.map((id) => ({
						id,
						from: { port: FIRST_PORT + id },
						to: { host: to, port },
						everyMs: EVERY_MS,
						// Half get answers: replied entries and unreplied ones are both there.
						asks: id % 2 === 0,
					})),
				),
			),
		async stopClients() {
			await world.stop();
		},
	};
}

/** The origin of the plugins. */
export type PluginSet = "Debian's" | "newest";

/** The plugins and ours in /opt/cni/bin, where their own documents put them. */
export async function installPlugins(
	{ machine }: Node,
	set: PluginSet,
): Promise<void> {
	const from =
		set === "newest"
			? tool(`plugins-${version("PLUGINS")}`)
			: tool("debian/usr/lib/cni");
	const script =
		// copies, also where the tools are links: the tests write beside them
		'rm -rf /opt/cni/bin; mkdir -p /opt/cni/bin; cp -rL "$0/." "$1" /opt/cni/bin/';
	await machine.must([
		...["sh", "-ec", script, from],
		join(OUR_BIN, "conntrack-flush"),
	]);
}

/**
 * The filter of requests that keeps portmap from flushing UDP by port itself. It decides
 * that by the name of the protocol; iptables takes the number as well, nftables does not.
 */
export const WITHOUT_FLUSH = `sed -E 's/("[Pp]rotocol":)"(udp|UDP)"/\\1"17"/g'`;

/**
 * From now on portmap makes its rules, but its own flush does not hide whether our plugin
 * works. Its rules must be iptables'.
 */
export async function withoutOwnFlush({ machine }: Node): Promise<void> {
	const script = `#!/bin/sh
${WITHOUT_FLUSH} | "\${0%/bin/*}/real/portmap"
`;
	await machine.must([
		...["sh", "-ec"],
		"mkdir -p /opt/cni/real; cp /opt/cni/bin/portmap /opt/cni/real/",
	]);
	await machine.write("/opt/cni/bin/portmap", script, "0755");
}

/** Entries of the clients that lead to `address`. */
export async function countLeadingTo(
	{ topology }: Node,
	address: string,
): Promise<number> {
	const table = await readTable(topology.node);
	return table.filter(({ reply }) => reply.src === address).length;
}

/** Returns the name of a client for a failing test. */
export function describeClient(id: number): string {
	const kind = KINDS.find(({ ids }) => ids.includes(id));
	return `${kind?.name} #${id}`;
}

function range(first: number, count: number): number[] {
	return Array.from({ length: count }, (_, i) => first + i);
}
