// Which CPUs handle what comes from a network interface, as
// plugin/host/native/src/interface.rs finds and sets them.

import { type Host, isNotFound, type Steering } from "../../../src/host.ts";

/** What it takes of a host. The fake one of the unit tests has it too. */
export interface Sysfs
	extends Pick<Host, "appendFile" | "readDir" | "readFile"> {
	/** Returns the name of the interface's driver. */
	driver(name: string): string;
}

export function steer(
	host: Sysfs,
	name: string,
	undo = false,
	dryRun = false,
): Steering {
	const driver = host.driver(name);
	if (driver !== "veth")
		return { driver, masks: [], cpus: "", isWritten: false };
	const cpus = maskOfCPUs(host);
	const [from, to] = undo ? [cpus, "0"] : ["0", cpus];
	const dir = `/sys/class/net/${name}/queues/`;
	const files = host
		.readDir(dir)
		.filter((queue) => queue.startsWith("rx-"))
		.map((queue) => `${dir}${queue}/rps_cpus`);
	const masks = files.map((file) => bare(host.readFile(file)));
	const isWritten = masks.every((mask) => mask === from);
	if (isWritten && !dryRun)
		for (const file of files) host.appendFile(file, to, 0);
	return { driver, masks, cpus, isWritten };
}

/** Returns the mask without the zeros at its beginning, whose number depends on who writes it. */
function bare(mask: string): string {
	return mask.trim().replace(/^[0,]+/, "") || "0";
}

/** Returns the mask of the CPUs that may handle packets, in groups of 32 bits. */
function maskOfCPUs(host: Sysfs): string {
	let mask = 0n;
	for (const list of ["online", "isolated", "nohz_full"])
		for (const range of cpuList(host, list).trim().split(",")) {
			// a list without a CPU is empty, or "(null)"
			const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
			for (let cpu = Number(first); cpu <= Number(last); cpu++) {
				const bit = 1n << BigInt(cpu);
				mask = list === "online" ? mask | bit : mask & ~bit;
			}
		}
	// a comma before every eight digits from the end
	return mask.toString(16).replace(/\B(?=(.{8})+$)/g, ",");
}

function cpuList(host: Sysfs, list: string): string {
	try {
		return host.readFile(`/sys/devices/system/cpu/${list}`);
	} catch (e) {
		// a kernel without CONFIG_NO_HZ_FULL
		if (list === "nohz_full" && isNotFound(e)) return "";
		throw e;
	}
}
