// containerd with runc, driven through its CRI socket as the kubelet drives it.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { PortMapping } from "../chain.ts";
import { IMAGE, makeImage } from "./image.ts";
import { type Service, untilItWorks } from "./machine.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import { followReceiver } from "./receiver.ts";
import type { Pod, PodOptions, Runtime } from "./runtime.ts";
import { tool, version } from "./tools.ts";

export type Release = "Debian's" | "newest";

export interface Containerd extends Runtime {
	/** A method of the CRI's RuntimeService, as the kubelet calls it. */
	cri(method: string, request?: Json): Promise<Json>;
	/** Ends the daemon and starts it again; the pods go on. */
	restart(): Promise<void>;
	/** Resolves when containerd has loaded a configuration with and without these plugins. */
	loaded(present: readonly string[], absent?: readonly string[]): Promise<void>;
	end(): Promise<void>;
}

// Raising a score takes CAP_SYS_RESOURCE, which a test machine may lack.
const CONFIG: Readonly<Record<Release, string>> = {
	"Debian's": `version = 2
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${IMAGE}"
restrict_oom_score_adj = true
`,
	newest: `version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
`,
};

const SOCKET = "/run/containerd/containerd.sock";

type Json = Readonly<Record<string, unknown>>;

/** containerd on the node; a network must be configured. */
export async function startContainerd(
	node: Node,
	release: Release,
	network: string,
): Promise<Containerd> {
	const { machine } = node;
	const log = join(node.dir("logs"), "containerd.log");
	// The shim is looked for in PATH.
	const dir =
		release === "newest"
			? tool(`containerd-${version("CONTAINERD")}`)
			: "/usr/bin";
	const start = (): Promise<Service> =>
		machine.start([`${dir}/containerd`], log, {
			PATH: `${dir}:${process.env.PATH}`,
		});
	const cri = async (method: string, request: Json = {}): Promise<Json> =>
		JSON.parse(
			await machine.must([
				...[tool("programs/cri"), SOCKET, method],
				JSON.stringify(request),
			]),
		);

	await machine.write("/etc/containerd/config.toml", CONFIG[release]);
	let daemon = await start();
	await untilItWorks(async () => void (await cri("Version")));
	await machine.must([
		...["ctr", "-n", "k8s.io", "images", "import"],
		await makeImage(node.topology.dir),
	]);
	const { runtime_name, runtime_version } = await cri("Version");

	return {
		version: `${runtime_name} ${runtime_version}`,
		network,
		cri,
		run: (options, ports) => runPod(node, cri, options, ports),
		async restart() {
			await daemon.stop("SIGTERM");
			daemon = await start();
			await untilItWorks(async () => void (await cri("Version")));
		},
		loaded: (present, absent = []) =>
			untilItWorks(async () => {
				const { info } = await cri("Status", { verbose: true });
				const { cniconfig } = info as { readonly cniconfig?: string };
				const has = (type: string) => cniconfig?.includes(`"${type}"`);
				if (!present.every(has) || absent.some(has))
					throw new Error(`containerd has loaded ${cniconfig}`);
			}),
		end: () => daemon.stop("SIGTERM"),
	};
}

async function runPod(
	node: Node,
	cri: (method: string, request: Json) => Promise<Json>,
	{ name, hostNetwork }: PodOptions,
	ports: readonly PortMapping[],
): Promise<Pod> {
	const logs = join(node.dir("logs"), name);
	mkdirSync(logs, { recursive: true });
	const sandbox = {
		metadata: { name, namespace: "default", uid: name },
		log_directory: logs,
		port_mappings: hostNetwork ? [] : ports.map(criMapping),
		linux: {
			cgroup_parent: `/${node.machine.cgroup}`,
			security_context: {
				namespace_options: { network: hostNetwork ? "NODE" : "POD" },
			},
		},
	};
	const { pod_sandbox_id } = await cri("RunPodSandbox", { config: sandbox });
	const serve = hostNetwork
		? MAPPINGS.map(({ hostPort }) => String(hostPort))
		: [String(CONTAINER_PORT)];
	const { container_id } = await cri("CreateContainer", {
		pod_sandbox_id,
		config: {
			metadata: { name: "receiver" },
			image: { image: IMAGE },
			args: ["serve", ...serve],
			log_path: "receiver.log",
		},
		sandbox_config: sandbox,
	});
	await cri("StartContainer", { container_id });
	const followed = followReceiver(
		name,
		join(logs, "receiver.log"),
		node.ledger.onArrival,
	);
	const { status } = (await cri("PodSandboxStatus", { pod_sandbox_id })) as {
		readonly status: { readonly network?: { readonly ip?: string } };
	};
	return {
		name,
		address: status.network?.ip ?? "",
		startedAt: await followed.listening(5000),
		async remove() {
			await cri("StopPodSandbox", { pod_sandbox_id });
			await cri("RemovePodSandbox", { pod_sandbox_id });
			followed.close();
		},
	};
}

function criMapping(m: PortMapping): Json {
	return {
		protocol: m.protocol.toUpperCase(),
		container_port: m.containerPort,
		host_port: m.hostPort,
		host_ip: m.hostIP ?? "",
	};
}
