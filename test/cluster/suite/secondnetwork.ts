// A second network on the first node, which containerd itself attaches pods to: it is told
// to take two configurations. The second one has our plugin too, in the single
// arrangement and with the same records.

import type { Stage } from "./stage.ts";

const CONFLIST = "/etc/cni/net.d/20-second.conflist";
const CONFIG = "/etc/containerd/config.toml";

const SECOND = {
	cniVersion: "1.0.0",
	name: "second",
	plugins: [
		{
			type: "bridge",
			bridge: "cni1",
			isGateway: true,
			ipam: { type: "host-local", subnet: "10.245.0.0/24" },
		},
		{ type: "portmap", capabilities: { portMappings: true } },
		{ type: "conntrack-flush", capabilities: { portMappings: true } },
	],
};

export async function addSecondNetwork(stage: Stage): Promise<void> {
	const [node] = stage.cluster.nodes;
	await node.must(["sh", "-ec", 'cat >"$0"', CONFLIST], {
		input: JSON.stringify(SECOND),
	});
	await node.must(["sh", "-ec", 'cp "$0" "$0.one"; cat >>"$0"', CONFIG], {
		input: `[plugins."io.containerd.cri.v1.runtime".cni]\nmax_conf_num = 2\n`,
	});
	await restart(stage);
}

export async function removeSecondNetwork(stage: Stage): Promise<void> {
	const [node] = stage.cluster.nodes;
	// pods end by the configurations that there are then
	await stage.pods.cordon(0);
	await stage.pods.drain(0);
	await node.must(["rm", CONFLIST]);
	await node.must(["mv", `${CONFIG}.one`, CONFIG]);
	await restart(stage);
}

/** containerd takes its own configuration when it starts; then the node has a new pod. */
async function restart({ cluster, pods }: Stage): Promise<void> {
	const [node] = cluster.nodes;
	await node.stop("containerd");
	await node.start("containerd");
	await pods.uncordon(0);
	if ((await pods.on(0)).length > 0) await pods.delete(0);
}
