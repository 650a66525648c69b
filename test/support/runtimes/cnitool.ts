// cnitool as a runtime: libcni's own command makes and deletes attachments, and
// a pod is a namespace in which the receiver runs.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { addresses, type PortMapping } from "../chain.ts";
import { CONTAINER_PORT, MAPPINGS, type Node } from "./node.ts";
import { followReceiver } from "./receiver.ts";
import type { Pod, PodOptions, Runtime } from "./runtime.ts";
import { tool, version } from "./tools.ts";

export interface LosablePod extends Pod {
	/** Ends what runs in it; nobody calls DEL. */
	lose(): Promise<void>;
}

export interface Cnitool extends Runtime {
	run(options: PodOptions, ports: readonly PortMapping[]): Promise<LosablePod>;
	/** The verb CHECK on the pod; rejects with what the plugins said. */
	check(pod: Pod): Promise<void>;
	/** The verb STATUS; rejects with what the plugins said. */
	status(): Promise<void>;
	/** GC as cnitool calls it, which is without a list of what is valid. */
	gcWithoutList(): Promise<void>;
	/** GC as libcni has runtimes call it: these pods are valid. */
	gc(valid: readonly Pod[]): Promise<void>;
}

/** cnitool of the CNI release that versions.env has under `release`. */
export function createCnitool(
	node: Node,
	release: "CNI" | "CNI_OLD",
	network: string,
): Cnitool {
	const { machine } = node;
	const number = version(release);
	const env = {
		PATH: process.env.PATH ?? "",
		CNI_PATH: "/opt/cni/bin",
		NETCONFPATH: "/etc/cni/net.d",
	};
	const netns = (name: string): string => `/run/netns/${name}`;
	const cnitool = (
		verb: string,
		name: string,
		ports: readonly PortMapping[],
	): Promise<string> =>
		machine.must(
			[tool(`cnitool-${number}/cnitool`), verb, network, netns(name)],
			{ env: { ...env, CAP_ARGS: JSON.stringify({ portMappings: ports }) } },
		);
	const published = new Map<Pod, readonly PortMapping[]>();

	async function run(
		{ name, hostNetwork }: PodOptions,
		ports: readonly PortMapping[],
	): Promise<LosablePod> {
		if (!hostNetwork)
			await machine.must([
				...["sh", "-ec"],
				'ip netns add "$0"; ip -n "$0" link set lo up',
				name,
			]);
		const result = hostNetwork ? "{}" : await cnitool("add", name, ports);
		const log = join(node.dir("logs"), `${name}.log`);
		const receiver = await machine.start(
			[
				...(hostNetwork ? [] : ["ip", "netns", "exec", name]),
				...[tool("programs/receiver"), "serve"],
				...(hostNetwork
					? MAPPINGS.map(({ hostPort }) => String(hostPort))
					: [String(CONTAINER_PORT)]),
			],
			log,
		);
		const followed = followReceiver(name, log, node.ledger.onArrival);
		const pod: LosablePod = {
			name,
			address: addresses(result)[0] ?? "",
			startedAt: await followed.listening(5000),
			async remove() {
				await pod.lose();
				if (hostNetwork) return;
				await cnitool("del", name, ports);
				await machine.must(["ip", "netns", "del", name]);
			},
			async lose() {
				await receiver.stop("SIGTERM");
				followed.close();
			},
		};
		published.set(pod, ports);
		return pod;
	}

	return {
		version: `cnitool ${number}`,
		network,
		run,
		async check(pod) {
			await cnitool("check", pod.name, published.get(pod) ?? []);
		},
		async status() {
			await cnitool("status", "any", []);
		},
		async gcWithoutList() {
			await cnitool("gc", "any", []);
		},
		async gc(valid) {
			const words = valid.map(({ name }) => `${containerID(netns(name))}/eth0`);
			await machine.must(
				[tool("programs/gc"), env.NETCONFPATH, network, ...words],
				{ env },
			);
		},
	};
}

/** Returns the containerID that cnitool makes of the namespace's path. */
function containerID(path: string): string {
	const hash = createHash("sha512").update(path).digest("hex");
	return `cnitool-${hash.slice(0, 20)}`;
}
