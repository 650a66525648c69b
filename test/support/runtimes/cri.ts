// The CRI socket of a container runtime, and pods as the kubelet has them made there.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Json, PortMapping } from "../chain.ts";
import { IMAGE } from "./image.ts";
import { type Machine, untilItWorks } from "./machine.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import { followReceiver } from "./receiver.ts";
import type { Pod, PodOptions } from "./runtime.ts";
import { tool } from "./tools.ts";

/** Calls a method of the CRI's RuntimeService; rejects with what the runtime says. */
export type Cri = (method: string, request?: Json) => Promise<Json>;

/** The runtime that listens on the socket of this path. */
export function openCri(machine: Machine, socket: string): Cri {
	return async (method, request = {}) =>
		JSON.parse(
			await machine.must([
				...[tool("programs/cri"), socket, method],
				JSON.stringify(request),
			]),
		);
}

/** Name and version of the runtime, as it says. */
export async function versionOf(cri: Cri): Promise<string> {
	const { runtime_name, runtime_version } = await cri("Version");
	return `${runtime_name} ${runtime_version}`;
}

/** Resolves when the runtime says that its network is ready, which is what makes a node Ready. */
export function untilReady(cri: Cri): Promise<void> {
	return untilItWorks(async () => {
		const { status } = (await cri("Status")) as {
			readonly status: { readonly conditions: readonly Json[] };
		};
		const network = status.conditions.find((c) => c.type === "NetworkReady");
		if (network?.status !== true)
			throw new Error(`the runtime says ${JSON.stringify(network)}`);
	});
}

export interface Sandboxed extends Pod {
	/** The CRI's identifier of its sandbox. */
	readonly sandbox: string;
}

/** Starts a sandbox with the receiver in it. */
export async function runSandboxed(
	node: Node,
	cri: Cri,
	{ name, hostNetwork }: PodOptions,
	ports: readonly PortMapping[],
): Promise<Sandboxed> {
	const logs = join(node.dir("logs"), name);
	mkdirSync(logs, { recursive: true });
	const config = {
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
	const { pod_sandbox_id } = await cri("RunPodSandbox", { config });
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
		sandbox_config: config,
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
		sandbox: String(pod_sandbox_id),
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
