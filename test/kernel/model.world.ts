// A node for the model test: one namespace with addresses of every kind that the
// predicate tells apart, a directory of records, and the executable called as a
// container runtime calls it.

import { join } from "node:path";
import { type Ran, run } from "../support/exec.ts";
import { createNamespace, type Namespace } from "../support/netns.ts";
import {
	equip,
	GATEWAY,
	temporaryDirectory,
	UPLINK,
	UPLINK_SECOND,
} from "../support/node.ts";
import { OUR_BIN } from "../support/requirements.ts";

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
/** Addresses that such a rule does not take, or that are none of our business. */
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
	await equip(ns, {
		made: ["uplink", "cni0", "kube-ipvs0"],
		addresses: {
			uplink: [...UPLINK, ...UPLINK_SECOND],
			cni0: GATEWAY,
			"kube-ipvs0": ["10.96.0.10/32", "fd96::10/128"],
		},
	});
	return { ns, dataDir: temporaryDirectory("model") };
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
		// one that exists, or the pod would be dead
		CNI_NETNS: "/proc/1/ns/net",
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
