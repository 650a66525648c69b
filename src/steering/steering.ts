// Receive packet steering (RPS; Documentation/networking/scaling.rst of the kernel): the
// mask of CPUs in rps_cpus among which the kernel spreads an interface's flows. With it
// one CPU handles all packets of a flow, so two of them that come at once, as an A and an
// AAAA query do, do not race for one conntrack entry. ADD loads this file, and pays for
// each function of it.

import type { Host } from "../host.ts";

/** The way an interface is steered. */
export interface Steering {
	/** The interface's driver: "veth", "bridge". */
	readonly driver: string;
	/** The rps_cpus of its receive queues. */
	readonly files: readonly string[];
	/** The masks in them, as the kernel writes them: "0\n", "3\n", "ff,ffffffff\n". */
	readonly masks: readonly string[];
	/** True if none of them names a CPU. A mask that does is somebody's decision. */
	readonly isUnset: boolean;
}

/** Reads how an interface is steered. Throws SysError: ENODEV for a name that no interface has, ENOENT for a kernel without RPS. */
export function steeringOf(host: Host, name: string): Steering {
	// the name comes from another plugin, and becomes a part of a path
	if (name.includes("/")) throw new TypeError(`not an interface: ${name}`);
	const driver = host.driver(name);
	const files: string[] = [];
	const masks: string[] = [];
	let isUnset = true;
	const dir = `/sys/class/net/${name}/queues/`;
	for (const queue of host.readDir(dir)) {
		if (!queue.startsWith("rx-")) continue;
		const file = `${dir + queue}/rps_cpus`;
		const mask = host.readFile(file);
		files.push(file);
		masks.push(mask);
		isUnset &&= Number(`0x${mask.replaceAll(",", "")}`) === 0;
	}
	return { driver, files, masks, isUnset };
}

/** Returns the mask of the CPUs that are online and in none of the other lists, in groups of 32 bits as bitmap_parse reads them. Throws SysError. */
export function maskOfCPUs(host: Host, without = ["isolated"]): string {
	const words: number[] = [];
	for (const list of ["online", ...without]) {
		const ranges = host.readFile(`/sys/devices/system/cpu/${list}`).trim();
		for (const range of ranges ? ranges.split(",") : []) {
			const at = range.indexOf("-");
			const last = Number(range.slice(at + 1));
			let cpu = at < 0 ? last : Number(range.slice(0, at));
			// a word of the mask in each turn
			for (; cpu <= last; cpu = (cpu | 31) + 1) {
				const end = cpu | 31;
				const bits = (-1 >>> (end > last ? end - last : 0)) & (-1 << cpu);
				const word = words[cpu >> 5] ?? 0;
				words[cpu >> 5] = list === "online" ? word | bits : word & ~bits;
			}
		}
	}
	let mask = "";
	for (const word of words)
		mask = `,${((word ?? 0) >>> 0).toString(16).padStart(8, "0")}${mask}`;
	return mask.slice(1);
}
