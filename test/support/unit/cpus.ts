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

/** Lists of CPUs as the kernel writes them, and the mask that they make. */
export const CPUS: readonly {
	readonly name: string;
	readonly online: string;
	readonly isolated?: string;
	readonly nohz?: string;
	readonly mask: string;
}[] = [
	{ name: "two CPUs", online: "0-1", mask: "3" },
	{ name: "one CPU", online: "0", mask: "1" },
	{ name: "CPUs that are offline", online: "0,2-3,7", mask: "8d" },
	{ name: "isolated ones", online: "0-7", isolated: "2-3,6", mask: "b3" },
	{
		name: "an isolated one that is offline",
		online: "0-3",
		isolated: "4-7,99",
		mask: "f",
	},
	{ name: "those of nohz_full", online: "0-7", nohz: "2-3,6", mask: "b3" },
	{ name: "no nohz_full", online: "0-1", nohz: "(null)", mask: "3" },
	{ name: "all 32 of a group", online: "0-31", mask: "ffffffff" },
	{
		name: "more than 32, the highest group first",
		online: "0-39",
		mask: "ff,ffffffff",
	},
	{
		name: "a range over a group's border",
		online: "30-33",
		mask: "3,c0000000",
	},
	{
		name: "a group without a CPU",
		online: "0,64",
		mask: "1,00000000,00000001",
	},
	{
		name: "isolated ones in two groups",
		online: "0-63",
		isolated: "1-62",
		mask: "80000000,00000001",
	},
	{
		name: "a group that is isolated as a whole",
		online: "0-63",
		isolated: "32-63",
		mask: "ffffffff",
	},
	{
		name: "128 CPUs",
		online: "0-127",
		mask: "ffffffff,ffffffff,ffffffff,ffffffff",
	},
	{ name: "all are isolated", online: "0-3", isolated: "0-3", mask: "0" },
];
