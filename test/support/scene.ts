// The stage of the chain tests: a topology, 64 clients of every kind that send
// without pause to the same hostPort, and two pod sandboxes that take turns.
// All kinds run at once, so that one replacement of the pod tests them all.

import { createLedger, type Ledger } from "./arrivals.ts";
import type { Attachment, PortMapping } from "./chain.ts";
import { readTable } from "./conntrack.ts";
import { run } from "./exec.ts";
import { createNamespace, type Namespace } from "./netns.ts";
import { HOST4, HOST6 } from "./node.ts";
import type { Client } from "./station.protocol.ts";
import { type OnArrival, openStation, type Station } from "./station.ts";
import { createTopology, type Topology } from "./topology.ts";

export const HOST_PORT = 8125;
export const CONTAINER_PORT = 5353;
/** The number of clients of each kind. */
export const CLIENTS = 64;
/** Source port of client 0. */
const FIRST_PORT = 20_000;
/** 20 datagrams a second and client. */
const EVERY_MS = 50;

type Place = "world" | "neighbour" | "node";

export interface Kind {
	readonly name: string;
	readonly place: Place;
	readonly to: string;
}

/** ::1 is missing: portmap never makes it work, with or without us. */
export const KINDS: readonly Kind[] = [
	{ name: "external client, IPv4", place: "world", to: HOST4 },
	{ name: "external client, IPv6", place: "world", to: HOST6 },
	{ name: "another pod, IPv4", place: "neighbour", to: HOST4 },
	{ name: "another pod, IPv6", place: "neighbour", to: HOST6 },
	{ name: "the node to its own address", place: "node", to: HOST4 },
	{ name: "the node to 127.0.0.1", place: "node", to: "127.0.0.1" },
];

/** A sandbox with its receiver already listening, before any ADD. */
export interface Sandbox {
	readonly receiver: string;
	readonly netns: Namespace;
	readonly station: Station;
}

export interface Scene {
	readonly topology: Topology;
	readonly ledger: Ledger;
	readonly world: Station;
	readonly node: Station;
	/** A pod that stays. It has no address before attachNeighbour. */
	readonly neighbour: Sandbox;
	/** Two sandboxes for the pod that is replaced. */
	readonly turns: readonly [Sandbox, Sandbox];
	startClients(): Promise<void>;
	stopClients(): Promise<void>;
}

/** Ids of the clients of one kind. */
export function clientIds(kind: Kind): number[] {
	const first = KINDS.indexOf(kind) * CLIENTS;
	return Array.from({ length: CLIENTS }, (_, i) => first + i);
}

export const ALL_CLIENTS: readonly number[] = KINDS.flatMap(clientIds);

/** Returns the name of a client for a failing test. */
export function describeClient(id: number): string {
	return `${KINDS[Math.floor(id / CLIENTS)]?.name ?? "sender"} #${id % CLIENTS}`;
}

/** `watch` is told of every arrival, as the ledger is. */
export async function createScene(watch: OnArrival = () => {}): Promise<Scene> {
	const topology = await createTopology();
	const ledger = createLedger();
	const onArrival: OnArrival = (...arrival) => {
		ledger.onArrival(...arrival);
		watch(...arrival);
	};
	const sandbox = async (receiver: string): Promise<Sandbox> => {
		const netns = await createNamespace(receiver);
		const station = await openStation(netns, onArrival);
		await station.listen({
			name: receiver,
			host: "::",
			port: CONTAINER_PORT,
			answers: "at once",
		});
		return { receiver, netns, station };
	};
	const [world, node, neighbour, a, b] = await Promise.all([
		openStation(topology.world, onArrival),
		openStation(topology.node, onArrival),
		sandbox("neighbour"),
		sandbox("pod-a"),
		sandbox("pod-b"),
	]);
	const at: Record<Place, Station> = {
		world,
		node,
		neighbour: neighbour.station,
	};
	return {
		topology,
		ledger,
		world,
		node,
		neighbour,
		turns: [a, b],
		async startClients() {
			await Promise.all(
				KINDS.map((kind) => at[kind.place].send(clientsOf(kind))),
			);
		},
		async stopClients() {
			await Promise.all(Object.values(at).map((station) => station.stop()));
		},
	};
}

function clientsOf(kind: Kind): Client[] {
	return clientIds(kind).map((id) => ({
		id,
		from: { port: FIRST_PORT + id },
		to: { host: kind.to, port: HOST_PORT },
		everyMs: EVERY_MS,
		// Half get answers: replied entries and unreplied ones are both there.
		asks: id % 2 === 0,
	}));
}

/** Entries of the clients that do not lead to one of `addresses`. */
export async function countStale(
	node: Namespace,
	addresses: readonly string[],
): Promise<number> {
	const table = await readTable(node);
	return table.filter(
		({ orig, reply }) =>
			orig.dport === HOST_PORT &&
			orig.sport >= FIRST_PORT &&
			orig.sport < FIRST_PORT + ALL_CLIENTS.length &&
			!addresses.includes(reply.src),
	).length;
}

/** Removes the clients' entries, wherever they lead. */
export async function removeClientEntries(node: Namespace): Promise<void> {
	for (const to of new Set(KINDS.map((kind) => kind.to))) {
		const family = to.includes(":") ? "ipv6" : "ipv4";
		await run(
			node.inside(
				`conntrack -D -f ${family} -p udp --orig-dst ${to} --orig-port-dst ${HOST_PORT}`.split(
					" ",
				),
			),
		);
	}
}

let attached = 0;

export function attachment(
	sandbox: Sandbox,
	portMappings: readonly PortMapping[],
): Attachment {
	attached++;
	return {
		containerID: `cf${process.pid}n${attached}`,
		netns: sandbox.netns,
		podName: `${sandbox.receiver}-${attached}`,
		portMappings,
	};
}
