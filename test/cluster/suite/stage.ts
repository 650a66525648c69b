// A cluster with everything on it that the events need: the agent, the workloads, the
// traffic and the healthy flows; and the judgement of what came of an event.

import { now } from "../../support/clock.ts";
import { openStation, type Station } from "../../support/station.ts";
import type { Cluster, ClusterNode } from "../cluster.ts";
import { addressesOf } from "../lan.ts";
import type { Agent } from "./agent.ts";
import { takesFlushAway } from "./calls.ts";
import { identityOf, readEntries } from "./entries.ts";
import type { Event, Nodes, Step } from "./events.ts";
import { type HealthyFlows, type Lost, startHealthyFlows } from "./healthy.ts";
import { add, NOTHING, type Outcome } from "./outcome.ts";
import { type Pods, podsOf } from "./pods.ts";
import { startTraffic, type Target } from "./traffic.ts";
import { prepareNode } from "./ways.ts";
import {
	apply,
	FLUSHED_BY_PORTMAP,
	HOST_IP,
	neighbour,
	PORTS,
	STATSD,
} from "./workloads.ts";

const NODES: Nodes = [0, 1];

export interface Stage {
	readonly cluster: Cluster;
	readonly agent: Agent;
	readonly pods: Pods;
	/** The classes of healthy flows. */
	readonly flows: readonly string[];
	powerCycle(n: number): Promise<void>;
	/** Lets an event happen, and judges it. */
	happen(event: Pick<Event, "steps" | "ends">): Promise<Outcome>;
	end(): void;
}

/** The identities of the entries of a node's senders, by sender. */
type Senders = ReadonlyMap<string, string | undefined>;

/** Everything but the pods under test, to which clients send already. */
export async function createStage(
	cluster: Cluster,
	agent: Agent,
): Promise<Stage> {
	const { nodes, clients } = cluster;
	const pods = podsOf(cluster);
	for (const n of NODES) await prepareNode(cluster, n);
	await apply(
		cluster,
		NODES.flatMap((n) => neighbour(cluster, n)),
	);
	const servers = await openServers(cluster);
	const healthy: HealthyFlows[] = [];
	for (const n of NODES)
		healthy[n] = await startHealthyFlows(cluster, servers, n, false);
	const targets = targetsOf(cluster);
	const traffic = await startTraffic(clients, nodes, STATSD, targets);

	async function entriesOfSenders(n: number): Promise<Senders> {
		const table = await readEntries(nodes[n] as ClusterNode);
		const found = new Map<string, string | undefined>();
		for (const target of targets.filter(({ node }) => node === n))
			for (const port of traffic.portsTo(target)) {
				const entry = table.find(
					({ proto, orig }) =>
						proto === "udp" &&
						orig.sport === port &&
						orig.dst === target.address,
				);
				const who = `${target.name} from port ${port}`;
				found.set(who, entry && identityOf(entry));
			}
		return found;
	}

	/** What became of a node's senders whose pod is new: they reach it, and go on. */
	async function reached(
		n: number,
		since: number,
		only: number | undefined,
	): Promise<Outcome> {
		const receiver = await traffic.receiver(n, since);
		const { senders, lost, beyond } = await traffic.reach(receiver, only);
		const left =
			lost.length > 0 ? [] : (await traffic.stay(receiver, only)).lost;
		return {
			...NOTHING,
			...{ senders, recovered: beyond.length, beyond },
			wrong: [
				...lost.map((who) => `${who} does not arrive`),
				...left.map((who) => `${who} does not stay`),
			],
		};
	}

	/** What became of a node's senders whose pod has stayed. */
	async function stayed(n: number, before: Senders): Promise<Outcome> {
		const { lost } = await traffic.stay(await traffic.receiver(n));
		const after = await entriesOfSenders(n);
		const touched = [...before].filter(
			([who, entry]) => entry === undefined || after.get(who) !== entry,
		);
		return {
			...NOTHING,
			healthy: before.size,
			kept: before.size - touched.length,
			wrong: [
				...lost.map((who) => `${who} does not arrive any more`),
				...touched.map(([who]) => `${who} has another entry`),
			],
		};
	}

	/** What became of a node's healthy flows. */
	async function spared(n: number, isRenewed: boolean): Promise<Outcome> {
		const flows = healthy[n] as HealthyFlows;
		const count = flows.names().length;
		// portmap's own flush on ADD is by port alone, whomever an entry belongs to
		const isPortmaps = ({ proto, dport }: Lost): boolean =>
			isRenewed &&
			!takesFlushAway(cluster) &&
			proto === "udp" &&
			FLUSHED_BY_PORTMAP.has(dport);
		const lost = await flows.lost();
		const wrong = lost.filter((flow) => !isPortmaps(flow));
		const judged = count - (lost.length - wrong.length);
		return {
			...NOTHING,
			...{ healthy: judged, kept: judged - wrong.length },
			wrong: wrong.map(({ name, now }) => `${nodes[n]?.name}: ${name}: ${now}`),
		};
	}

	async function take(
		{ act, renews, only }: Step,
		ends: Nodes,
	): Promise<Outcome> {
		const before = await Promise.all(NODES.map(entriesOfSenders));
		const began = now();
		await act(stage);
		await pods.settled();
		let sum = NOTHING;
		for (const n of NODES) {
			const isRenewed = renews.includes(n);
			if (isRenewed) sum = add(sum, await reached(n, began, only));
			else if ((await pods.on(n)).length > 0)
				sum = add(sum, await stayed(n, before[n] ?? new Map()));
			if (!ends.includes(n)) sum = add(sum, await spared(n, isRenewed));
		}
		return sum;
	}

	const stage: Stage = {
		...{ cluster, agent, pods },
		flows: healthy[0]?.names() ?? [],
		async powerCycle(n) {
			healthy[n]?.end();
			await nodes[n]?.cutPower();
			await nodes[n]?.boot();
			await prepareNode(cluster, n);
			healthy[n] = await startHealthyFlows(cluster, servers, n, true);
		},
		async happen({ steps, ends }) {
			let sum = NOTHING;
			for (const step of steps)
				sum = add(sum, await take(step, ends?.nodes ?? []));
			return sum;
		},
		end() {
			traffic.end();
			servers.end();
			for (const flows of healthy) flows.end();
		},
	};
	return stage;
}

/** What clients send to: each node's addresses, and the hostIP on the first node. */
function targetsOf({ nodes }: Cluster): Target[] {
	return [
		...nodes.flatMap(({ name, addresses }, node) =>
			addresses.map((address) => ({
				...{ name: `${name} ${address}`, node, address },
				port: PORTS.any,
			})),
		),
		{ name: "hostIP", node: 0, address: HOST_IP, port: PORTS.hostIP },
	];
}

/** A station of the clients, with the servers to which healthy flows go. */
async function openServers({ clients, options }: Cluster): Promise<Station> {
	const station = await openStation(clients);
	for (const host of addressesOf("clients", options.stack))
		await station.listen({
			...{ name: host, host, port: PORTS.any },
			answers: "at once",
		});
	return station;
}
