// Which runtimes the tests run, in which versions: the tests take their rows
// from here, and docs/runtimes.md is made from it.

import type { Release } from "../../support/runtimes/containerd.ts";
import type { PluginSet } from "../../support/runtimes/node.ts";
import { version } from "../../support/runtimes/tools.ts";

export interface Run {
	readonly plugins: PluginSet;
	readonly backend: "iptables" | "nftables";
}

export interface CnitoolRun extends Run {
	readonly release: "CNI" | "CNI_OLD";
	/** The examples it goes through; all if not given. */
	readonly files?: readonly string[];
}

export const CNITOOL_RUNS: readonly CnitoolRun[] = [
	{ release: "CNI", plugins: "Debian's", backend: "iptables" },
	{
		release: "CNI",
		plugins: "newest",
		backend: "nftables",
		files: [
			"containerd.conflist",
			"containerd-split.conflist",
			"nerdctl.conflist",
			"flannel.conflist",
		],
	},
	{
		release: "CNI",
		plugins: "newest",
		backend: "iptables",
		files: ["containerd.conflist", "containerd-split.conflist"],
	},
	{
		release: "CNI_OLD",
		plugins: "Debian's",
		backend: "iptables",
		files: ["podman.conflist", "flannel.conflist"],
	},
];

export const PODMAN_RUN: Run = { plugins: "Debian's", backend: "iptables" };

export interface ContainerdRun extends Run {
	readonly release: Release;
	/** Its libcni reads drop-in directories. */
	readonly dropIns: boolean;
}

export const CONTAINERD_RUNS: readonly ContainerdRun[] = [
	{
		release: "Debian's",
		plugins: "Debian's",
		backend: "iptables",
		dropIns: false,
	},
	{ release: "newest", plugins: "newest", backend: "iptables", dropIns: true },
];

export function pluginsVersion(set: PluginSet): string {
	return version(set === "newest" ? "PLUGINS" : "DEBIAN_PLUGINS");
}

export function containerdVersion(release: Release): string {
	return version(release === "newest" ? "CONTAINERD" : "DEBIAN_CONTAINERD");
}
