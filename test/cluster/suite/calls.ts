// What a runtime calls on a node: portmap stands in for the whole chain. From the first
// call on its verbs are noted; and where its rules are iptables', it is kept from flushing
// UDP by port on ADD, which would hide whether our plugin works and end healthy flows.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WITHOUT_FLUSH } from "../../support/runtimes/node.ts";
import type { Cluster, ClusterNode } from "../cluster.ts";

const NOTES = "calls.txt";

/** WITHOUT_FLUSH does it for iptables alone. */
export function takesFlushAway({ options }: Cluster): boolean {
	return options.portmapBackend === "iptables";
}

export async function noteCalls(
	cluster: Cluster,
	node: ClusterNode,
): Promise<void> {
	const input = takesFlushAway(cluster) ? WITHOUT_FLUSH : "cat";
	const script = `#!/bin/sh
echo "$CNI_COMMAND" >>/var/lib/hostlog/${NOTES}
${input} | exec "$0.real"
`;
	await node.must(
		[
			...["sh", "-ec"],
			"cd /opt/cni/bin; mv portmap portmap.real; cat >portmap; chmod +x portmap",
		],
		{ input: script },
	);
}

/** How often each verb was called. */
export function callsOf({ hostlog }: ClusterNode): Map<string, number> {
	const counts = new Map<string, number>();
	const file = join(hostlog, NOTES);
	const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
	for (const verb of lines.filter(Boolean))
		counts.set(verb, (counts.get(verb) ?? 0) + 1);
	return counts;
}
