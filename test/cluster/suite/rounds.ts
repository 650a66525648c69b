// The rounds in which the agent makes the table agree with the node's attachments, once a
// minute, told by what they remove: an entry to a pod that does not exist.

import { readTable } from "../../support/conntrack.ts";
import { type Flow, flowOf, insert } from "../../support/flow.ts";
import type { ClusterNode } from "../cluster.ts";
import type { Stage } from "./stage.ts";
import { until } from "./until.ts";
import { PORTS } from "./workloads.ts";

/** The agent's interval, and time for a slow one. */
const ROUND_MS = 60_000 + 30_000;

/** Resolves when the agents of both nodes have made so many rounds. */
export async function rounds(
	{ cluster: { nodes } }: Stage,
	count: number,
): Promise<void> {
	await Promise.all(nodes.map((node) => roundsOn(node, count)));
}

async function roundsOn(node: ClusterNode, count: number): Promise<void> {
	for (let round = 0; round < count; round++) {
		const stale = leadingNowhere(node, 6000 + round);
		await insert(node.namespace, [stale]);
		const what = `the agent of ${node.name} removes what leads to no pod`;
		await until(
			what,
			async () => {
				const table = await readTable(node.namespace, ["-p", "udp"]);
				return !table.some(
					({ orig }) => orig.src === stale.src && orig.sport === stale.sport,
				);
			},
			ROUND_MS,
		);
	}
}

function leadingNowhere(
	{ addresses: [dst = ""] }: ClusterNode,
	sport: number,
): Flow {
	return flowOf({
		...{ src: "192.0.2.7", sport, dst, dport: PORTS.any },
		...{ replySrc: "10.244.99.99", replySport: 5353, byNat: true },
	});
}
