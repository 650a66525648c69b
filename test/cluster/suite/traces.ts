// All that an installed plugin may leave on a node.

import type { ClusterNode } from "../cluster.ts";

/** The plugins' names, and the names and texts of all that is in the directories of networks and of records. */
export function traces(node: ClusterNode): Promise<string> {
	// the kubelet makes /run/cni itself, for the agent's mount
	const script = `ls -A /opt/cni/bin
		find /etc/cni; find /run/cni -mindepth 1 2>/dev/null
		find /etc/cni -type f | sort | xargs cat`;
	return node.must(["sh", "-c", script]);
}
