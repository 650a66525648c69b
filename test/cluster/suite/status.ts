// STATUS on a node where conntrack cannot be used: the agent is away, because it would
// repair the executable, and a wrapper takes the capability from it.

import { now, sleep } from "../../support/clock.ts";
import type { Stage } from "./stage.ts";

const PLUGIN = "/opt/cni/bin/conntrack-flush";
/** containerd asks every five seconds, and the kubelet needs some more to say so. */
const WATCHED_MS = 40_000;

const WRAPPER = `#!/bin/sh
exec setpriv --bounding-set=-net_admin --inh-caps=-net_admin ${PLUGIN}.real "$@"
`;

/** Rejects with what the node says if it does not stay Ready. */
export async function readyWithoutConntrack(
	{ cluster, agent }: Stage,
	n: 0 | 1,
): Promise<void> {
	const node = cluster.nodes[n];
	await agent.delete();
	await node.must(
		["sh", "-ec", 'mv "$0" "$0.real"; cat >"$0"; chmod +x "$0"', PLUGIN],
		{ input: WRAPPER },
	);
	try {
		for (const last = now() + WATCHED_MS; now() < last; await sleep(1000)) {
			const said = await cluster.kubectl([
				...["get", "node", node.name, "-o"],
				'jsonpath={range .status.conditions[?(@.type=="Ready")]}{.status} {.message}{end}',
			]);
			if (!said.startsWith("True"))
				throw new Error(`${node.name} is not Ready: ${said}`);
		}
	} finally {
		await node.must(["mv", `${PLUGIN}.real`, PLUGIN]);
		await agent.applyAgain();
	}
}
