// The healthy flows of a node, begun and watched: test/support/healthy.ts is the same on
// a bare node, and says why a flow that is left silent proves more. The same entry, and a
// timer that only ran down: it was never touched.

import { sleep } from "../../support/clock.ts";
import type { Entry } from "../../support/conntrack.ts";
import { openStation, type Station } from "../../support/station.ts";
import type { Cluster, ClusterNode } from "../cluster.ts";
import { identityOf, readEntries } from "./entries.ts";
import { type Flow, flowsOf } from "./flows.ts";
import { until } from "./until.ts";
import { findNeighbour, insideNode } from "./ways.ts";
import { NEIGHBOUR_PORTS, PORTS } from "./workloads.ts";

/** The clients keep their sockets over a node's boots, so no port comes twice. */
let nextPort = 30_000;
/** Time for an answer to come back. If it does not, the flow's entry says so. */
const ANSWER_MS = 200;

export interface Lost extends Flow {
	/** What is there instead. */
	readonly now: string;
}

export interface HealthyFlows {
	/** Those that are watched. */
	names(): string[];
	/** The flows whose entry is gone, or was made anew, since the last call. They begin again, if they can. */
	lost(): Promise<Lost[]>;
	/** Must come before the node's power is cut. */
	end(): void;
}

/** Starts a node's flows. The pods under test are not there yet, or `isLate`. */
export async function startHealthyFlows(
	cluster: Cluster,
	clients: Station,
	n: number,
	isLate: boolean,
): Promise<HealthyFlows> {
	const node = cluster.nodes[n] as ClusterNode;
	const neighbour = await findNeighbour(cluster, n);
	const stations = {
		clients,
		node: await openStation(insideNode(node)),
		pod: await openStation(neighbour.namespace),
	};
	for (const port of [...NEIGHBOUR_PORTS, PORTS.any])
		await listen(stations.pod, "::", port);
	for (const port of NEIGHBOUR_PORTS) await stations.pod.tcpListen("::", port);
	const [node4 = ""] = node.addresses;
	await listen(stations.node, node4, PORTS.hostIP);
	await stations.node.tcpListen(node4, PORTS.daemon);

	/** The flows' source ports, and their entries as they were when last seen. */
	const ports = new Map<Flow, number>();
	const entries = new Map<Flow, Entry>();

	const find = async (
		flows: readonly Flow[],
	): Promise<[Flow, Entry | undefined][]> => {
		const table = await readEntries(node);
		return flows.map((flow) => [
			flow,
			table.find(
				({ proto, orig }) =>
					proto === flow.proto &&
					orig.sport === ports.get(flow) &&
					orig.dport === flow.dport &&
					orig.dst === flow.to,
			),
		]);
	};

	const send = async (flow: Flow): Promise<void> => {
		const port = nextPort++;
		ports.set(flow, port);
		const to = { host: flow.to, port: flow.dport };
		const station = stations[flow.from];
		if (flow.proto === "tcp") await station.tcpDial(port, to);
		else await station.once({ id: port, from: { port }, to, asks: true });
	};

	/** Just after a boot, kube-proxy does not know yet where its Services lead. */
	const begin = async (flows: readonly Flow[]): Promise<void> => {
		let wrong: [Flow, Entry | undefined][] = [];
		const isSo = async (): Promise<boolean> => {
			const waiting = flows.filter((flow) => !entries.has(flow));
			for (const flow of waiting) await send(flow);
			await sleep(ANSWER_MS);
			wrong = [];
			for (const [flow, entry] of await find(waiting))
				if (entry?.reply.src === flow.answeredBy) entries.set(flow, entry);
				else wrong.push([flow, entry]);
			return wrong.length === 0;
		};
		await until(`healthy flows of ${node.name}`, isSo).catch((cause) => {
			const lines = wrong.map(([{ name }, entry]) => `${name}: ${entry?.text}`);
			throw new Error(lines.join("\n"), { cause });
		});
	};

	const flows = flowsOf(cluster, n, neighbour);
	await begin(flows.filter(({ early }) => !early || !isLate));
	const watched = (): Flow[] => flows.filter((flow) => entries.has(flow));
	return {
		names: () => watched().map(({ name }) => name),
		async lost() {
			const lost: Lost[] = [];
			for (const [flow, entry] of await find(watched())) {
				const before = entries.get(flow);
				if (
					entry !== undefined &&
					before !== undefined &&
					identityOf(entry) === identityOf(before) &&
					entry.timeout <= before.timeout
				) {
					entries.set(flow, entry);
					continue;
				}
				entries.delete(flow);
				lost.push({ ...flow, now: entry?.text ?? "gone" });
			}
			await begin(flows.filter((flow) => !flow.early && !entries.has(flow)));
			return lost;
		},
		end() {
			stations.node.end();
			stations.pod.end();
		},
	};
}

function listen(station: Station, host: string, port: number): Promise<void> {
	const name = `${host} ${port}`;
	return station.listen({ name, host, port, answers: "at once" });
}
