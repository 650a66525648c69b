// A node's CPUs and the receive queues of its interfaces, as files of sysfs.

import type { FakeHostOptions } from "../fakehost.ts";
import { CACHE } from "./world.ts";

/** The masks of an interface's queues, and its driver, which is veth if none is given. */
export interface Queues {
	readonly driver?: string;
	readonly masks: readonly string[];
}

/** Returns the options of a host that has these interfaces. Each queue has a sibling that sends. */
export function withQueues(
	interfaces: Readonly<Record<string, Queues>>,
	{ online = "0-1", isolated = "" } = {},
): Pick<FakeHostOptions, "files" | "driver"> {
	const cpus = "/sys/devices/system/cpu";
	const files: Record<string, string> = {
		[`${cpus}/online`]: `${online}\n`,
		[`${cpus}/isolated`]: `${isolated}\n`,
	};
	for (const [name, { masks }] of Object.entries(interfaces))
		for (const [i, mask] of masks.entries()) {
			files[maskFile(name, i)] = `${mask}\n`;
			files[`/sys/class/net/${name}/queues/tx-${i}/xps_cpus`] = "0\n";
		}
	const driver = (name: string): string | undefined =>
		interfaces[name] && (interfaces[name].driver ?? "veth");
	return { files, driver };
}

/** Returns the path of a queue's mask. */
export function maskFile(name: string, queue = 0): string {
	return `/sys/class/net/${name}/queues/rx-${queue}/rps_cpus`;
}

/** Returns a pod's file in libcni's cache, whose result names these interfaces. */
export function cachedLinks(
	pod: string,
	interfaces: unknown,
	dir = `${CACHE}/results`,
): Record<string, string> {
	return {
		[`${dir}/net-${pod}-eth0`]: JSON.stringify({
			kind: "cniCacheV1",
			containerId: pod,
			ifName: "eth0",
			networkName: "net",
			cniArgs: [
				["K8S_POD_NAMESPACE", "ns"],
				["K8S_POD_NAME", pod],
			],
			result: { cniVersion: "1.0.0", interfaces },
		}),
	};
}
