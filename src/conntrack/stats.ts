// The kernel's counters of this network namespace's conntrack table, read over
// ctnetlink, and the difference between two readings. It judges no table but a full one.

import type { Host } from "../host.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import {
	COUNTERS,
	type Counter,
	type Counters,
	type CPUCounters,
	getCPUCounters,
	IPCTNL_MSG_CT_GET_STATS_CPU,
	readCPUCounters,
} from "./counters.ts";
import { type Fill, getFill, readFill } from "./messages.ts";

const DEADLINE_MS = 5000;
/** A table with this share of its limit is nearly full. */
const NEARLY_FULL = 0.8;

export interface Statistics extends Fill {
	/** In ascending order of the CPU. */
	readonly cpus: readonly CPUCounters[];
	/** The sum of all CPUs. */
	readonly total: Counters;
}

/** Reads fill and counters. Throws NetlinkError (EPERM without CAP_NET_ADMIN, EINVAL without ctnetlink), SysError or DeadlineError. */
export async function readStatistics(host: Host): Promise<Statistics> {
	const deadline = new Deadline(host, DEADLINE_MS);
	const requests = new Exchange(host, NETLINK_NETFILTER, deadline);
	try {
		const fill = await requests.ask("read statistics", getFill, readFill);
		const cpus = await readCPUs(requests);
		return { ...fill, cpus, total: sum(cpus) };
	} finally {
		requests.close();
	}
}

async function readCPUs(requests: Exchange): Promise<CPUCounters[]> {
	const what = "read the CPUs' counters";
	// by CPU, because a dump that began anew gives some of them twice
	const found = new Map<number, CPUCounters>();
	await requests.each(what, getCPUCounters, (b, m) => {
		if (m.type !== IPCTNL_MSG_CT_GET_STATS_CPU) return;
		const counted = readCPUCounters(b, m);
		found.set(counted.cpu, counted);
	});
	return [...found.values()].sort((a, b) => a.cpu - b.cpu);
}

/** Returns true if there will soon be no room for new entries. */
export function isNearlyFull({ entries, max }: Fill): boolean {
	return max > 0 && entries >= NEARLY_FULL * max;
}

/** Returns `1523 of 262144 entries (0.6 %)`, in which `what` is the word `entries`. */
export function fillOf({ entries, max }: Fill, what = ""): string {
	const of = what === "" ? "" : ` ${what}`;
	if (max === 0) return `${entries}${of}`;
	return `${entries} of ${max}${of} (${((100 * entries) / max).toFixed(1)} %)`;
}

/** Returns what was counted from `before` to `now`. CPUs and counters that only one of the readings has are left out. */
export function difference(
	before: readonly CPUCounters[],
	now: readonly CPUCounters[],
): CPUCounters[] {
	return now.flatMap(({ cpu, counters }) => {
		const then = before.find((b) => b.cpu === cpu)?.counters;
		if (then === undefined) return [];
		return {
			cpu,
			counters: select((name) => {
				const [old, value] = [then[name], counters[name]];
				if (old === undefined || value === undefined) return undefined;
				// counters wrap around at 32 bits
				return (value - old) >>> 0;
			}),
		};
	});
}

/** Returns the sum of all CPUs' counters. */
export function sum(cpus: readonly CPUCounters[]): Counters {
	return select((name) => {
		const values = cpus
			.map(({ counters }) => counters[name])
			.filter((value) => value !== undefined);
		if (values.length === 0) return undefined;
		return values.reduce((all, value) => all + value, 0);
	});
}

function select(of: (name: Counter) => number | undefined): Counters {
	const counters: Partial<Record<Counter, number>> = {};
	for (const name of COUNTERS) {
		const value = of(name);
		if (value !== undefined) counters[name] = value;
	}
	return counters;
}
