// podman and runc, with podman's CNI backend or with netavark. All pods of the tests are one container.

import { join } from "node:path";
import type { PortMapping } from "../chain.ts";
import { IMAGE, makeImage } from "./image.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import { followReceiver } from "./receiver.ts";
import type { Container, Engine, PodOptions } from "./runtime.ts";
import { tool, version } from "./tools.ts";

export type Backend = "cni" | "netavark, Debian's" | "netavark, newest";

/** The directories of netavark. */
const HELPERS: Readonly<Record<Exclude<Backend, "cni">, () => string>> = {
	"netavark, Debian's": () => "/usr/lib/podman",
	"netavark, newest": () => tool(`netavark-${version("NETAVARK")}/bin`),
};

// The settings of a file on such a node; the rest are podman's defaults. Debian's
// podman looks for plugins in /usr/lib/cni first.
function containersConf(backend: Backend): string {
	const [network, helpers] =
		backend === "cni"
			? ['network_backend = "cni"\ncni_plugin_dirs = ["/opt/cni/bin"]', ""]
			: [
					'network_backend = "netavark"',
					`helper_binaries_dir = ["${HELPERS[backend]()}"]\n`,
				];
	return `[network]
${network}
[engine]
${helpers}runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
`;
}

/** The network that netavark's containers join, with both families. */
const SUBNETS = ["--subnet=10.89.0.0/24", "--ipv6", "--subnet=fd89::/64"];

/** podman on the node. With the backend "cni", its default network must be configured. */
export async function createPodman(
	node: Node,
	backend: Backend = "cni",
): Promise<Engine> {
	const { machine } = node;
	await machine.write(
		"/etc/containers/containers.conf",
		containersConf(backend),
	);
	const podman = (...args: string[]): Promise<string> =>
		machine.must(["podman", ...args]);
	await podman("load", "--input", await makeImage(node.topology.dir));
	const network = backend === "cni" ? "podman" : "pods";
	if (backend !== "cni")
		await podman("network", "create", "--disable-dns", ...SUBNETS, network);

	async function run(
		{ name, hostNetwork }: PodOptions,
		ports: readonly PortMapping[],
	): Promise<Container> {
		const log = join(node.dir("logs"), `${name}.log`);
		await podman(
			...["run", "--detach", "--name", name],
			`--cgroup-parent=/${machine.cgroup}`,
			...["--log-driver=k8s-file", `--log-opt=path=${log}`],
			...(hostNetwork
				? ["--network=host"]
				: [`--network=${network}`, ...ports.flatMap(publish)]),
			...[IMAGE, "serve"],
			...(hostNetwork
				? MAPPINGS.map(({ hostPort }) => String(hostPort))
				: [String(CONTAINER_PORT)]),
		);
		const followed = followReceiver(name, log, node.ledger.onArrival);
		const format =
			"{{.State.Pid}} {{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}";
		const said = await podman("inspect", `--format=${format}`, name);
		const [pid = "", ...addresses] = said.trim().split(" ");
		return {
			name,
			address: addresses[0] ?? "",
			addresses,
			startedAt: await followed.listening(5000),
			inside: (argv) =>
				machine.inside(["nsenter", "-t", pid, "-n", "--", ...argv]),
			async remove() {
				await podman("rm", "--force", "--time=0", name);
				followed.close();
			},
		};
	}

	const own = (await podman("--version")).trim().replace(" version ", " ");
	return {
		version:
			backend === "cni"
				? own
				: `${own}, ${(await machine.must([`${HELPERS[backend]()}/netavark`, "--version"])).trim()}`,
		network,
		run,
	};
}

/** Returns the options of `run` that publish a port, which docker has too. */
export function publish(m: PortMapping): string[] {
	const { hostPort, containerPort, protocol, hostIP } = m;
	const host = hostIP === undefined ? "" : `${hostIP}:`;
	return ["--publish", `${host}${hostPort}:${containerPort}/${protocol}`];
}
