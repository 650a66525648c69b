// podman with its CNI backend, and runc. All pods of the tests are one container.

import { join } from "node:path";
import type { PortMapping } from "../chain.ts";
import { IMAGE, makeImage } from "./image.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import { followReceiver } from "./receiver.ts";
import type { Pod, PodOptions, Runtime } from "./runtime.ts";

// The settings of a file on such a node; the rest are podman's defaults. Debian's
// podman looks for plugins in /usr/lib/cni first.
const CONTAINERS_CONF = `[network]
network_backend = "cni"
cni_plugin_dirs = ["/opt/cni/bin"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;

/** podman on the node, whose default network must be configured. */
export async function createPodman(node: Node): Promise<Runtime> {
	const { machine } = node;
	await machine.write("/etc/containers/containers.conf", CONTAINERS_CONF);
	const podman = (...args: string[]): Promise<string> =>
		machine.must(["podman", ...args]);
	await podman("load", "--input", await makeImage(node.topology.dir));

	async function run(
		{ name, hostNetwork }: PodOptions,
		ports: readonly PortMapping[],
	): Promise<Pod> {
		const log = join(node.dir("logs"), `${name}.log`);
		await podman(
			...["run", "--detach", "--name", name],
			`--cgroup-parent=/${machine.cgroup}`,
			...["--log-driver=k8s-file", `--log-opt=path=${log}`],
			...(hostNetwork ? ["--network=host"] : ports.flatMap(publish)),
			...[IMAGE, "serve"],
			...(hostNetwork
				? MAPPINGS.map(({ hostPort }) => String(hostPort))
				: [String(CONTAINER_PORT)]),
		);
		const followed = followReceiver(name, log, node.ledger.onArrival);
		const address = await podman(
			...["inspect", "--format={{.NetworkSettings.IPAddress}}", name],
		);
		return {
			name,
			address: address.trim(),
			startedAt: await followed.listening(5000),
			async remove() {
				await podman("rm", "--force", "--time=0", name);
				followed.close();
			},
		};
	}

	return {
		version: (await podman("--version")).trim().replace(" version ", " "),
		network: "podman",
		run,
	};
}

function publish(m: PortMapping): string[] {
	const { hostPort, containerPort, protocol, hostIP } = m;
	const host = hostIP === undefined ? "" : `${hostIP}:`;
	return ["--publish", `${host}${hostPort}:${containerPort}/${protocol}`];
}
