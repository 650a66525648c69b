// Chooses the cheapest way to find the entries of a request: a pure function over a
// model of the kernel's costs. They were measured on Linux 6.18 with 2 cores and 262144
// buckets; only the proportions matter.

import type {
	DumpFilter,
	FlushFilter,
	PortFilter,
} from "../conntrack/messages.ts";

/** The kernel's cost of a bucket in a dump, in ns. */
const BUCKET_NS = 34;
/** The cost of a bucket in a kernel flush, which passes empty buckets without a lock. */
const FLUSH_BUCKET_NS = 3;
/** The cost of an entry that is passed: cache misses, which grow with the table. */
const ENTRY_NS = 200;
/** The cost of copying an entry to user space, and of our look at it. */
const RETURN_NS = 1200 + 300;
/**
 * The longest walk between two datagrams. A filtered dump walks with bottom halves off
 * until a datagram is full, and meanwhile the queue of a busy network card overflows.
 * With this limit they are off for 10 ms at most, beyond the walk of an empty table,
 * even if an entry costs 40 % more than ENTRY_NS.
 */
const STALL_NS = 7_000_000;
/** Entries of IPv4 that fill a datagram; of IPv6 it takes fewer. */
const PER_DATAGRAM = 200;

/** The state of the table, which is not empty, and the request. */
export interface Situation {
	/** Entries in this network namespace. */
	readonly entries: number;
	/** Entries of all network namespaces, because every walk passes them too. */
	readonly everywhere: number;
	/** Buckets of the hash table, which all namespaces share. */
	readonly buckets: number;
	/** The ports that the request is about; null stands for all ports of the protocol. */
	readonly ports: readonly PortFilter[];
	/** The request in the kernel's terms, if it is possible: the entries that agree with one of these filters are those to delete. */
	readonly filters?: readonly FlushFilter[] | undefined;
	/** Returns the share of the entries, 0 to 1, that a family and protocol has; it is known only after a sample. */
	readonly share?: (p: DumpFilter) => number;
}

export type Plan =
	| { readonly how: "kernel-flush"; readonly filters: readonly FlushFilter[] }
	| { readonly how: "filtered-dump"; readonly dumps: readonly DumpFilter[] }
	| { readonly how: "scan" };

/** The estimated CPU time of each way, in ms. It is Infinity for a way that is impossible. */
export interface Costs {
	readonly "kernel-flush": number;
	/** One dump for each port on each side of an entry. */
	readonly "port-dumps": number;
	/** One dump for each family and protocol. */
	readonly "protocol-dumps": number;
	readonly scan: number;
}

export function costs(s: Situation): Costs {
	const { entries, everywhere, buckets, ports, filters, share } = s;
	const passing = everywhere * ENTRY_NS;
	const walk = buckets * BUCKET_NS + passing;
	const returned = entries * RETURN_NS;
	// one dump for each of many ports in a row would cost more than any other way
	const isWide = ports.some(
		({ hostPort, count }) => hostPort === null || count !== undefined,
	);
	const cost = (ns: number): number => Math.round(ns / 1e4) / 100;
	return {
		"kernel-flush": filters
			? cost(filters.length * (buckets * FLUSH_BUCKET_NS + passing))
			: Infinity,
		"port-dumps":
			isWide || passing > STALL_NS
				? Infinity
				: cost(distinct(ports).length * walk),
		"protocol-dumps": share
			? cost(
					protocols(ports)
						.map((p) =>
							stall(passing, entries * share(p)) > STALL_NS
								? Infinity
								: walk + share(p) * returned,
						)
						.reduce((sum, ns) => sum + ns, 0),
				)
			: Infinity,
		scan: cost(walk + returned),
	};
}

/** Returns for how many ns bottom halves are off if `matches` entries are spread over a walk. */
function stall(passing: number, matches: number): number {
	return passing * Math.min(1, PER_DATAGRAM / matches);
}

/** Returns the cheapest way, and of equals the first. */
export function plan(s: Situation): Plan {
	const cost = costs(s);
	const least = Math.min(...Object.values(cost));
	if (s.filters && cost["kernel-flush"] === least)
		return { how: "kernel-flush", filters: s.filters };
	if (cost["port-dumps"] === least)
		return { how: "filtered-dump", dumps: distinct(s.ports) };
	if (cost["protocol-dumps"] === least)
		return { how: "filtered-dump", dumps: protocols(s.ports) };
	return { how: "scan" };
}

/** Returns one filter for each family and protocol. */
function protocols(ports: readonly PortFilter[]): DumpFilter[] {
	return distinct(
		ports.map(({ family, proto }) => ({ family, proto, hostPort: null })),
	);
}

function distinct(ports: readonly PortFilter[]): DumpFilter[] {
	const found = new Map<string, DumpFilter>();
	for (const { family, proto, hostPort, side } of ports)
		found.set(`${family} ${proto} ${hostPort} ${side}`, {
			family,
			proto,
			hostPort,
			...(side && { side }),
		});
	return [...found.values()];
}
