// CRI-O with runc and conmon, driven through its CRI socket as the kubelet drives it. It
// passes no port mappings to plugins: it makes the hostPorts' rules itself, after the
// whole ADD of the network, and takes them away before its DEL.

import { join } from "node:path";
import { type Cri, openCri, runSandboxed, versionOf } from "./cri.ts";
import { configure, conflistOf, exampleOf, withoutUs } from "./examples.ts";
import { IMAGE, makeImage } from "./image.ts";
import { type Service, untilItWorks } from "./machine.ts";
import { installPlugins, type Node } from "./node.ts";
import type { Container, Engine } from "./runtime.ts";
import { tool, version } from "./tools.ts";

const EXAMPLE = exampleOf("cri-o.conflist");
const SOCKET = "/run/crio/crio.sock";
const RUNC = "/opt/runc";

export interface Crio extends Engine {
	readonly cri: Cri;
	/** Ends the daemon and starts it again; the pods go on. */
	restart(): Promise<void>;
}

/** CRI-O on the node, with the network of its example: as it is, or without us. */
export async function startCrio(
	node: Node,
	{ withUs }: { readonly withUs: boolean },
): Promise<Crio> {
	const { machine } = node;
	const programs = tool(`crio-${version("CRIO")}`);
	const list = conflistOf(EXAMPLE);
	await installPlugins(node, "newest");
	await configure(node, EXAMPLE.installedAs, withUs ? list : withoutUs(list));
	await machine.write(RUNC, runcWithoutScores, "0755");
	await machine.write("/etc/crio/crio.conf", configuration(programs));
	// it imports no archives; podman has the same store
	await machine.must([
		...["podman", "--storage-driver", "vfs", "load", "--input"],
		await makeImage(node.topology.dir),
	]);

	const log = join(node.dir("logs"), "crio.log");
	const cri = openCri(machine, SOCKET);
	const start = async (): Promise<Service> => {
		const service = await machine.start([`${programs}/crio`], log);
		await untilItWorks(async () => void (await cri("Version")));
		return service;
	};
	let daemon = await start();
	return {
		version: await versionOf(cri),
		network: list.name,
		cri,
		async run(options, ports): Promise<Container> {
			const pod = await runSandboxed(node, cri, options, ports);
			const netns = options.hostNetwork
				? "/proc/1/ns/net"
				: await namespaceOf(cri, pod.sandbox);
			return {
				...pod,
				addresses: [pod.address],
				inside: (argv) =>
					machine.inside(["nsenter", `--net=${netns}`, ...argv]),
			};
		},
		async restart() {
			await daemon.stop("SIGTERM");
			daemon = await start();
		},
	};
}

/** Lowering a score takes CAP_SYS_RESOURCE, which a test machine may lack; CRI-O has no setting for that. */
const runcWithoutScores = `#!/bin/sh
for word; do
	case $last in --bundle) bundle=$word ;; esac
	last=$word
done
[ -z "$bundle" ] || sed -i 's/"oomScoreAdj": *-[0-9]*/"oomScoreAdj": 0/' "$bundle/config.json"
exec /usr/sbin/runc "$@"
`;

function configuration(programs: string): string {
	return `[crio]
storage_driver = "vfs"
[crio.image]
pause_image = "${IMAGE}"
pause_command = ""
[crio.runtime]
cgroup_manager = "cgroupfs"
conmon_cgroup = "pod"
pinns_path = "${programs}/pinns"
default_runtime = "runc"
[crio.runtime.runtimes.runc]
runtime_path = "${RUNC}"
monitor_path = "/usr/bin/conmon"
monitor_cgroup = "pod"
[crio.network]
network_dir = "/etc/cni/net.d/"
plugin_dirs = ["/opt/cni/bin/"]
`;
}

/** Returns the path of the sandbox's network namespace. */
async function namespaceOf(cri: Cri, sandbox: string): Promise<string> {
	const { info } = (await cri("PodSandboxStatus", {
		pod_sandbox_id: sandbox,
		verbose: true,
	})) as { readonly info: { readonly info: string } };
	const { runtimeSpec } = JSON.parse(info.info) as {
		readonly runtimeSpec: {
			readonly linux: {
				readonly namespaces: readonly { type: string; path: string }[];
			};
		};
	};
	const found = runtimeSpec.linux.namespaces.find((n) => n.type === "network");
	if (found === undefined)
		throw new Error(`sandbox ${sandbox} has no network of its own`);
	return found.path;
}
