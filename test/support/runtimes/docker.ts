// dockerd, which has rules of its own instead of CNI, driven by its own command line.
// It starts a containerd of its own.

import { join } from "node:path";
import type { PortMapping } from "../chain.ts";
import { IMAGE, makeImage } from "./image.ts";
import { untilItWorks } from "./machine.ts";
import { CONTAINER_PORT, type Node } from "./node.ts";
import { publish } from "./podman.ts";
import { followReceiver } from "./receiver.ts";
import type { Container, Engine, PodOptions } from "./runtime.ts";
import { tool, version } from "./tools.ts";

export interface DockerOptions {
	readonly release: "Debian's" | "newest";
	/** The key userland-proxy: a process per published port listens on the node. */
	readonly proxy: boolean;
	/** The newest can write rules of nftables. */
	readonly backend?: "iptables" | "nftables";
}

/** The command line is Debian's for both; the machine may have another first in its PATH. */
const CLI = "/usr/bin/docker";

/** The beginnings of the addresses on the network that the containers join. */
const SUBNETS = { v4: "10.90.0.", v6: "fd90::" };

/** dockerd on the node. */
export async function startDocker(
	node: Node,
	{ release, proxy, backend }: DockerOptions,
): Promise<Engine> {
	const { machine } = node;
	const newest = release === "newest";
	const dirs = newest
		? [
				tool(`docker-${version("MOBY")}`),
				tool(`containerd-${version("CONTAINERD")}`),
			]
		: [];
	const PATH = [...dirs, "/usr/sbin", "/usr/bin"].join(":");
	await machine.write(
		"/etc/docker/daemon.json",
		JSON.stringify({
			"cgroup-parent": `/${machine.cgroup}`,
			"exec-opts": ["native.cgroupdriver=cgroupfs"],
			experimental: true,
			ip6tables: true,
			"userland-proxy": proxy,
			// Debian's runc knows no time namespaces
			...(newest && { features: { "time-namespaces": false } }),
			...(backend && { "firewall-backend": backend }),
		}),
	);
	await machine.start(["dockerd"], join(node.dir("logs"), "dockerd.log"), {
		PATH,
		// Debian's command line is older than what the newest takes by default
		DOCKER_MIN_API_VERSION: "1.24",
	});
	const docker = (...args: string[]): Promise<string> =>
		machine.must([CLI, ...args]);
	await untilItWorks(async () => void (await docker("version")));
	await docker("load", "--input", await makeImage(node.topology.dir));
	await docker(
		...["network", "create", "--ipv6", `--subnet=${SUBNETS.v4}0/24`],
		`--subnet=${SUBNETS.v6}/64`,
		...["--opt", "com.docker.network.bridge.name=pods", "pods"],
	);
	let made = 0;

	async function run(
		{ name }: PodOptions,
		ports: readonly PortMapping[],
	): Promise<Container> {
		// docker gives out the lowest free address, which would be the last container's again
		const host = 10 + ++made;
		const address = `${SUBNETS.v4}${host}`;
		const address6 = `${SUBNETS.v6}${host}`;
		await docker(
			...["run", "--detach", "--name", name, "--network=pods"],
			...[`--ip=${address}`, `--ip6=${address6}`],
			...ports.flatMap(publish),
			...[IMAGE, "serve", String(CONTAINER_PORT)],
		);
		const log = join(node.dir("logs"), `${name}.log`);
		await machine.start([CLI, "logs", "--follow", name], log);
		const followed = followReceiver(name, log, node.ledger.onArrival);
		const pid = await docker("inspect", "--format={{.State.Pid}}", name);
		return {
			name,
			address,
			addresses: [address, address6],
			startedAt: await followed.listening(5000),
			inside: (argv) =>
				machine.inside(["nsenter", "-t", pid.trim(), "-n", "--", ...argv]),
			async remove() {
				await docker("rm", "--force", name);
				followed.close();
			},
		};
	}

	const format = "--format={{.Server.Version}}";
	return {
		version: `docker ${(await docker("version", format)).trim()}`,
		network: "pods",
		run,
	};
}
