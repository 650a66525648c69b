// A node for the model test: one namespace with addresses of every kind that the
// predicate tells apart, a directory of records, and the executable called as a
// container runtime calls it.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Ran, run } from "../support/exec.ts";
import { createNamespace, ip, type Namespace } from "../support/netns.ts";
import { OUR_BIN } from "../support/requirements.ts";
import { onEnd } from "../support/undo.ts";

export const EXECUTABLE = join(OUR_BIN, "conntrack-flush");
export const NETWORK = "modelnet";

export interface World {
	readonly ns: Namespace;
	readonly dataDir: string;
}

/** Addresses that a DNAT rule for "any address of the node" takes. */
export const LOCAL = {
	4: ["203.0.113.1", "203.0.113.10", "10.88.0.1", "127.0.0.1", "127.9.8.7"],
	6: ["fd03::1", "fd03::10", "fd88::1"],
} as const;
/** Addresses that it does not take, or that are none of our business. */
export const NOT_LOCAL = {
	4: [
		"198.51.100.9", // an external server
		"10.97.0.10", // a Service by iptables
		"10.96.0.10", // a Service by IPVS
		"203.0.113.2", // a neighbour
		"203.0.113.255", // broadcast
		"224.0.0.251",
		"10.88.0.2", // a pod
	],
	6: [
		"fd09::9",
		"fd97::10",
		"fd96::10",
		"fd03::2",
		"ff02::fb",
		"fd88::2",
		"::1",
	],
} as const;

export async function createWorld(): Promise<World> {
	const ns = await createNamespace("model");
	const dataDir = mkdtempSync(join(tmpdir(), "conntrack-flush-model-"));
	onEnd(() => rmSync(dataDir, { recursive: true, force: true }));
	const links = ["uplink", "cni0", "kube-ipvs0"];
	await ip(
		ns,
		links.flatMap((name, n) => [
			`link add ${name} type veth peer name peer${n}`,
			`link set ${name} up`,
			`link set peer${n} up`,
		]),
	);
	await ip(ns, [
		"address add 203.0.113.1/24 dev uplink",
		"address add 203.0.113.10/24 dev uplink",
		"address add fd03::1/64 dev uplink",
		"address add fd03::10/64 dev uplink",
		"address add 10.88.0.1/16 dev cni0",
		"address add fd88::1/64 dev cni0",
		"address add 10.96.0.10/32 dev kube-ipvs0",
		"address add fd96::10/128 dev kube-ipvs0",
	]);
	return { ns, dataDir };
}

export interface Call {
	readonly containerID: string;
	/** Keys of the configuration besides those that every call has. */
	readonly conf: Readonly<Record<string, unknown>>;
	/** Argv before the executable, such as a tracer. */
	readonly before?: readonly string[];
	readonly dataDir?: string;
}

export function callEnv(
	verb: string,
	containerID: string,
): Readonly<Record<string, string>> {
	return {
		PATH: process.env.PATH ?? "",
		CNI_COMMAND: verb,
		CNI_CONTAINERID: containerID,
		CNI_IFNAME: "eth0",
		CNI_NETNS: "/run/netns/pod",
		CNI_PATH: "/opt/cni/bin",
		CNI_ARGS: `K8S_POD_NAMESPACE=ns;K8S_POD_NAME=${containerID}`,
	};
}

export function callConf(
	dataDir: string,
	conf: Readonly<Record<string, unknown>>,
): string {
	return JSON.stringify({
		cniVersion: "1.1.0",
		name: NETWORK,
		type: "conntrack-flush",
		dataDir,
		...conf,
	});
}

/** Runs the executable in the world's namespace. */
export function call(
	{ ns, dataDir }: World,
	verb: string,
	{ containerID, conf, before = [], dataDir: other }: Call,
): Promise<Ran> {
	return run(ns.inside([...before, EXECUTABLE]), {
		input: callConf(other ?? dataDir, conf),
		env: callEnv(verb, containerID),
	});
}
