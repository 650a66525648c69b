// A node of a cluster: a machine with a disk, which can lose its power and boot again.

import { closeSync, mkdirSync, openSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Ran, RunOptions } from "../support/exec.ts";
import type { Namespace } from "../support/netns.ts";
import { HIERARCHIES, IN_SYSTEM_CGROUPS } from "../support/runtimes/cgroups.ts";
import {
	createMachine,
	type Machine,
	type Service,
} from "../support/runtimes/machine.ts";
import { TOOLS } from "../support/runtimes/tools.ts";
import type { ControlPlane } from "./controlplane.ts";
import { check, commandOf, type Daemon, install } from "./kubelet.ts";
import { addressesOf, type Lan } from "./lan.ts";
import type { ClusterOptions } from "./options.ts";
import { type NodeName, routeToPods } from "./podnetwork.ts";
import { untilReady } from "./readiness.ts";

export type { Daemon } from "./kubelet.ts";

const INIT = fileURLToPath(new URL("./node-init.sh", import.meta.url));

export interface ClusterNode {
	/** Kubernetes' name of it. */
	readonly name: string;
	/** IPv4, then IPv6 if the cluster has it. */
	readonly addresses: readonly string[];
	readonly namespace: Namespace;
	/** The directory on this machine that keeps its /etc, /opt and /var over boots. */
	readonly disk: string;
	/** The directory on this machine that is /var/lib/hostlog there, for pods to write to. */
	readonly hostlog: string;
	/** The command as run inside. */
	inside(argv: readonly string[]): string[];
	run(argv: readonly string[], options?: RunOptions): Promise<Ran>;
	must(argv: readonly string[], options?: RunOptions): Promise<string>;
	stop(daemon: Daemon, signal?: NodeJS.Signals): Promise<void>;
	/** Resolves when the daemon works. */
	start(daemon: Daemon): Promise<void>;
	/** It falls silent and all its processes end at once; the disk stays. */
	cutPower(): Promise<void>;
	/** Resolves when the node is Ready. */
	boot(): Promise<void>;
	/** Takes an archive's image; one that has no name in it gets this one, with its tag. */
	importImage(archive: string, name?: string): Promise<void>;
	/** The path of a daemon's log. */
	log(daemon: Daemon): string;
}

/** Everything that a node is part of. */
export interface Site {
	readonly cluster: ClusterOptions;
	readonly programs: string;
	readonly dir: string;
	readonly lan: Lan;
	readonly control: ControlPlane;
}

/** A node that is not a part of the cluster yet: containerd runs, and the rest does from `boot` on. */
export interface NewNode {
	readonly node: ClusterNode;
	/** Starts what is missing; resolves when the node is Ready. */
	join(): Promise<void>;
}

export async function createNode(
	{ cluster, programs, dir, lan, control }: Site,
	name: NodeName,
): Promise<NewNode> {
	const disk = `${dir}/${name}`;
	mkdirSync(disk);
	const log = (daemon: Daemon): string => `${dir}/log/${name}-${daemon}.log`;
	const services = new Map<Daemon, Service>();

	const powerOn = async (): Promise<[Namespace, Machine]> => {
		const network = await lan.plug(name);
		await routeToPods(network, name, cluster.stack);
		const machine = await createMachine(network, {
			init: [INIT, name, disk, HIERARCHIES.join(" "), TOOLS, programs],
			cgroupRoot: `${cluster.name}-${name}`,
		});
		return [network, machine];
	};
	let [network, machine] = await powerOn();
	const start = async (daemon: Daemon): Promise<void> => {
		const argv = [...IN_SYSTEM_CGROUPS, ...commandOf(daemon, name, cluster)];
		services.set(daemon, await machine.start(argv, log(daemon)));
		await untilReady(`${daemon} of ${name}`, log(daemon), () =>
			check(machine, daemon),
		);
	};
	const join = async (): Promise<void> => {
		const before = await statusOf(control, name);
		await Promise.all([start("kubelet"), start("kube-proxy")]);
		await untilReady(name, log("kubelet"), async () => {
			const { ready, heartbeat, message } = await statusOf(control, name);
			// what was said before the node lost its power does not count
			if (!ready || heartbeat === before.heartbeat)
				throw new Error(`not Ready: ${message}`);
		});
	};

	await install(machine, name, cluster, control);
	await start("containerd");

	const node: ClusterNode = {
		name,
		addresses: addressesOf(name, cluster.stack),
		get namespace() {
			return network;
		},
		disk,
		hostlog: `${disk}/var/lib/hostlog`,
		inside: (argv) => machine.inside(argv),
		run: (argv, options) => machine.run(argv, options),
		must: (argv, options) => machine.must(argv, options),
		async stop(daemon, signal = "SIGTERM") {
			await services.get(daemon)?.stop(signal);
			services.delete(daemon);
		},
		start,
		async cutPower() {
			lan.unplug(name);
			machine.end();
			network.remove();
			services.clear();
		},
		async boot() {
			[network, machine] = await powerOn();
			await start("containerd");
			await join();
		},
		async importImage(archive, name) {
			const stdin = openSync(archive, "r");
			const named = name === undefined ? [] : ["--base-name", name];
			const argv = ["ctr", "-n", "k8s.io", "images", "import", ...named, "-"];
			await machine.must(argv, { stdin });
			closeSync(stdin);
		},
		log,
	};
	return { node, join };
}

async function statusOf(
	{ kubectl }: ControlPlane,
	node: NodeName,
): Promise<{ ready: boolean; heartbeat?: string; message?: string }> {
	const { status } = JSON.parse(
		await kubectl(["get", "node", node, "-o", "json"]),
	) as {
		readonly status: {
			readonly conditions?: readonly {
				readonly type: string;
				readonly status: string;
				readonly lastHeartbeatTime: string;
				readonly message: string;
			}[];
		};
	};
	const found = status.conditions?.find(({ type }) => type === "Ready");
	if (found === undefined) return { ready: false };
	return {
		ready: found.status === "True",
		heartbeat: found.lastHeartbeatTime,
		message: found.message,
	};
}
