// The daemons of a node: containerd, the kubelet and kube-proxy, with their
// configurations. Some settings are there because the machine of the tests may have
// no CAP_SYS_RESOURCE, cgroups of version 1, and sysctls that are not the node's own.

import { IMAGE } from "../support/runtimes/image.ts";
import type { Machine } from "../support/runtimes/machine.ts";
import { version } from "../support/runtimes/tools.ts";
import type { ControlPlane } from "./controlplane.ts";
import { addressesOf } from "./lan.ts";
import type { ClusterOptions } from "./options.ts";
import {
	CONFLIST,
	clusterNets,
	conflistOf,
	type NodeName,
} from "./podnetwork.ts";

export type Daemon = "containerd" | "kubelet" | "kube-proxy";

const CONTAINERD = `/mnt/tools/containerd-${version("CONTAINERD")}`;
const SOCKET = "unix:///run/containerd/containerd.sock";
const DNS = "10.96.0.10";
const ETC = "/etc/kubernetes";

const CONTAINERD_CONFIG = `version = 3
[plugins."io.containerd.cri.v1.images".pinned_images]
sandbox = "${IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
restrict_oom_score_adj = true
`;

/** Puts on the disk of a new node what an administrator and the network's installer would. */
export async function install(
	machine: Machine,
	node: NodeName,
	cluster: ClusterOptions,
	{ kubeconfigOf }: ControlPlane,
): Promise<void> {
	await machine.must([
		...["sh", "-ec", 'cp -rL "$0"/[!.]* /opt/cni/bin/'],
		`/mnt/tools/plugins-${version("PLUGINS")}`,
	]);
	await machine.write(CONFLIST, conflistOf(node, cluster));
	await machine.write("/etc/containerd/config.toml", CONTAINERD_CONFIG);
	await machine.write(`${ETC}/kubelet.conf`, kubeconfigOf(node));
	await machine.write(`${ETC}/proxy.conf`, kubeconfigOf("proxy"));
	await machine.write(
		`${ETC}/kubelet.yaml`,
		JSON.stringify({
			apiVersion: "kubelet.config.k8s.io/v1beta1",
			kind: "KubeletConfiguration",
			authentication: {
				anonymous: { enabled: true },
				webhook: { enabled: false },
			},
			authorization: { mode: "AlwaysAllow" },
			cgroupDriver: "cgroupfs",
			failCgroupV1: false,
			failSwapOn: false,
			containerRuntimeEndpoint: SOCKET,
			imageServiceEndpoint: SOCKET,
			// receivers are followed by their logs, a name each: one that is renamed at 10 MiB,
			// after some six minutes of traffic, would look like a pod that hears nothing
			containerLogMaxSize: "1Gi",
			// the disk is the whole machine's, and may be nearly full
			evictionHard: {
				"memory.available": "100Mi",
				"nodefs.available": "1%",
				"nodefs.inodesFree": "1%",
				"imagefs.available": "1%",
			},
			imageGCHighThresholdPercent: 100,
			imageGCLowThresholdPercent: 99,
			maxOpenFiles: 20_000,
			// nobody answers there, but without it each pod gets a warning
			clusterDNS: [DNS],
			clusterDomain: "cluster.local",
			resolvConf: "",
			oomScoreAdj: 0,
		}),
	);
	await machine.write(
		`${ETC}/proxy.yaml`,
		JSON.stringify({
			apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
			kind: "KubeProxyConfiguration",
			clientConnection: { kubeconfig: `${ETC}/proxy.conf` },
			mode: cluster.proxyMode,
			clusterCIDR: clusterNets(cluster.stack).pods,
			hostnameOverride: node,
			conntrack: {
				maxPerCore: 0,
				min: 0,
				tcpEstablishedTimeout: "0s",
				tcpCloseWaitTimeout: "0s",
			},
			oomScoreAdj: 0,
		}),
	);
}

export function commandOf(
	daemon: Daemon,
	node: NodeName,
	{ stack }: ClusterOptions,
): readonly string[] {
	switch (daemon) {
		case "containerd":
			// the shim is looked for in PATH
			return [
				...["env", `PATH=${CONTAINERD}:${process.env.PATH}`],
				`${CONTAINERD}/containerd`,
			];
		case "kubelet":
			return [
				...["/mnt/kubernetes/kubernetes", "kubelet"],
				`--config=${ETC}/kubelet.yaml`,
				`--kubeconfig=${ETC}/kubelet.conf`,
				`--hostname-override=${node}`,
				`--node-ip=${addressesOf(node, stack).join()}`,
			];
		case "kube-proxy":
			return [
				...["/mnt/kubernetes/kubernetes", "kube-proxy"],
				`--config=${ETC}/proxy.yaml`,
			];
	}
}

/** Rejects unless the daemon works. */
export async function check(machine: Machine, daemon: Daemon): Promise<void> {
	switch (daemon) {
		case "containerd":
			await machine.must(["ctr", "version"]);
			return;
		case "kubelet":
			await healthy(machine, 10_248);
			return;
		case "kube-proxy":
			await healthy(machine, 10_256);
	}
}

async function healthy(machine: Machine, port: number): Promise<void> {
	const script = `exec 3<>/dev/tcp/127.0.0.1/$0
		printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3
		read -r _ code _ <&3
		[ "$code" = 200 ]`;
	await machine.must(["bash", "-ec", script, String(port)]);
}
