// Flows that have the hostPort's number in their original destination and yet
// are nobody's stale business. Each is made by real packets and then left
// silent: if its entry were removed, nothing could bring it back, whereas an
// entry made anew may well have the id of the old one (the kernel reuses both
// memory and id). Same id and a timer that only ran down: never touched.

import {
	type Attachment,
	addresses,
	type Chain,
	type PortMapping,
} from "./chain.ts";
import { type Entry, readTable, type Tuple } from "./conntrack.ts";
import { must } from "./exec.ts";
import { HOST4, HOST4B, HOST6B } from "./node.ts";
import { CONTAINER_PORT, HOST_PORT, type Scene } from "./scene.ts";
import { SERVER4, SERVER6, SERVICE4 } from "./topology.ts";

/** The ports that the neighbour publishes: the same port on the second addresses, and another port. */
export const NEIGHBOUR_MAPPINGS: readonly PortMapping[] = [
	...[HOST4B, HOST6B].map((hostIP) => ({
		hostPort: HOST_PORT,
		containerPort: CONTAINER_PORT,
		protocol: "udp",
		hostIP,
	})),
	{
		hostPort: HOST_PORT,
		containerPort: CONTAINER_PORT,
		protocol: "tcp",
		hostIP: HOST4B,
	},
	{ hostPort: HOST_PORT + 1, containerPort: CONTAINER_PORT, protocol: "udp" },
];

interface Flow {
	readonly name: string;
	readonly proto: "udp" | "tcp";
	readonly from: "world" | "node" | "neighbour";
	readonly to: string;
	readonly dport?: number;
	/** Shape of the entry, checked once: who answers. */
	readonly answeredBy: string;
}

export interface HealthyFlows {
	readonly names: readonly string[];
	/** Names of the flows whose entry is gone or was made anew, with what is there instead. */
	broken(): Promise<string[]>;
}

/** Starts the flows. The neighbour is attached, and the pod under test has not been added yet. */
export async function startHealthyFlows(
	scene: Scene,
	chain: Chain,
	neighbour: Attachment,
): Promise<HealthyFlows> {
	const [pod4 = "", pod6 = ""] = addresses(chain.result(neighbour));
	const flows: readonly Flow[] = [
		{
			name: "pod to an external server on the same port",
			proto: "udp",
			from: "neighbour",
			to: SERVER4,
			answeredBy: SERVER4,
		},
		{
			name: "pod to an external server on the same port, IPv6",
			proto: "udp",
			from: "neighbour",
			to: SERVER6,
			answeredBy: SERVER6,
		},
		{
			name: "node to an external server on the same port",
			proto: "udp",
			from: "node",
			to: SERVER4,
			answeredBy: SERVER4,
		},
		{
			name: "Service address with the same port",
			proto: "udp",
			from: "world",
			to: SERVICE4,
			answeredBy: pod4,
		},
		{
			name: "another pod's mapping on another hostIP",
			proto: "udp",
			from: "world",
			to: HOST4B,
			answeredBy: pod4,
		},
		{
			name: "another pod's mapping on another hostIP, IPv6",
			proto: "udp",
			from: "world",
			to: HOST6B,
			answeredBy: pod6,
		},
		{
			name: "another pod's mapping on another hostIP, TCP",
			proto: "tcp",
			from: "world",
			to: HOST4B,
			answeredBy: pod4,
		},
		{
			name: "another pod's hostPort",
			proto: "udp",
			from: "world",
			to: HOST4,
			dport: HOST_PORT + 1,
			answeredBy: pod4,
		},
		{
			name: "straight to a pod's address",
			proto: "udp",
			from: "world",
			to: pod4,
			answeredBy: pod4,
		},
		{
			name: "straight to a pod's address, IPv6",
			proto: "udp",
			from: "world",
			to: pod6,
			answeredBy: pod6,
		},
		{
			name: "TCP to a daemon of the node that had the port before",
			proto: "tcp",
			from: "world",
			to: HOST4,
			answeredBy: HOST4,
		},
	];

	await prepare(scene, pod4);
	const station = {
		world: scene.world,
		node: scene.node,
		neighbour: scene.neighbour.station,
	};
	for (const [n, flow] of flows.entries()) {
		const to = { host: flow.to, port: flow.dport ?? HOST_PORT };
		const port = 30_000 + n;
		if (flow.proto === "tcp") await station[flow.from].tcpDial(port, to);
		else
			await station[flow.from].once({
				id: 1_000_000 + n,
				from: { port },
				to,
				asks: true,
			});
	}

	const find = async (): Promise<Map<string, Entry | undefined>> => {
		const table = await readTable(scene.topology.node);
		return new Map(
			flows.map((flow, n) => [
				flow.name,
				table.find(
					(e) => e.proto === flow.proto && sameTarget(e.orig, flow, 30_000 + n),
				),
			]),
		);
	};
	const first = await find();
	for (const flow of flows) {
		const entry = first.get(flow.name);
		if (entry?.reply.src !== flow.answeredBy)
			throw new Error(
				`cannot set up "${flow.name}": ${entry?.text ?? "no entry"}`,
			);
	}

	let last = first;
	return {
		names: flows.map((flow) => flow.name),
		async broken() {
			const current = await find();
			const out: string[] = [];
			for (const { name } of flows) {
				const entry = current.get(name);
				const before = last.get(name);
				if (
					entry === undefined ||
					entry.id !== first.get(name)?.id ||
					entry.timeout > (before?.timeout ?? Number.POSITIVE_INFINITY)
				)
					out.push(`${name}: ${entry?.text ?? "gone"}`);
			}
			last = current;
			return out;
		},
	};
}

function sameTarget(orig: Tuple, flow: Flow, sport: number): boolean {
	return (
		orig.sport === sport &&
		orig.dport === (flow.dport ?? HOST_PORT) &&
		orig.dst === flow.to
	);
}

/** Servers for the flows, and the Service's rule. */
async function prepare(scene: Scene, pod4: string): Promise<void> {
	const { node } = scene.topology;
	for (const host of [SERVER4, SERVER6]) {
		await scene.world.listen({
			name: `server ${host}`,
			host,
			port: HOST_PORT,
			answers: "at once",
		});
	}
	// A pod that also listens on the hostPort's number itself.
	await scene.neighbour.station.listen({
		name: "direct",
		host: "::",
		port: HOST_PORT,
		answers: "at once",
	});
	await scene.neighbour.station.tcpListen("::", CONTAINER_PORT);
	await scene.node.tcpListen(HOST4, HOST_PORT);
	await must(
		node.inside(
			`iptables -w -t nat -I PREROUTING -d ${SERVICE4} -p udp --dport ${HOST_PORT} -j DNAT --to-destination ${pod4}:${CONTAINER_PORT}`.split(
				" ",
			),
		),
	);
}
