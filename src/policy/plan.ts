// How to find the entries of a request at the least cost: one pure function over
// a model of what the kernel charges. Measured on Linux 6.18, 2 cores, 262144
// buckets; only the proportions matter.

import type { DumpFilter, FlushFilter } from "../conntrack/messages.ts";

/** The kernel's charge for a bucket of a dump, in ns. */
const BUCKET_NS = 34;
/** Of its own flush, which passes empty buckets without a lock. */
const FLUSH_BUCKET_NS = 3;
/** For passing an entry that is not asked for: cache misses, which grow with the table. */
const ENTRY_NS = 200;
/** For copying an entry to user space, and our look at it. */
const RETURN_NS = 1200 + 300;
/**
 * A filtered dump walks with bottom halves off until a datagram is full, so that a
 * busy network card's queue overflows; 10 ms at most, beyond the walk of an empty
 * table, also where an entry costs 40 % more than it says above.
 */
const STALL_NS = 7_000_000;
/** Entries that fill a datagram; of IPv6 fewer. */
const PER_DATAGRAM = 200;

/** What the kernel says of its table, which is not empty, and what is wanted of it. */
export interface Situation {
	/** Entries in this network namespace. */
	readonly entries: number;
	/** Entries of all network namespaces: every walk passes them too. */
	readonly everywhere: number;
	/** Buckets of the hash table, which all namespaces share. */
	readonly buckets: number;
	/** Where to look; port null: at all of the protocol. */
	readonly ports: readonly DumpFilter[];
	/**
	 * The request said to the kernel, if that is possible: deleting what agrees
	 * with these filters is all that is to be done.
	 */
	readonly filters?: readonly FlushFilter[] | undefined;
	/** The share of the entries, 0 to 1, that a family and protocol has, where that is known. */
	readonly share?: (p: DumpFilter) => number;
}

export type Plan =
	| { readonly how: "kernel-flush"; readonly filters: readonly FlushFilter[] }
	| { readonly how: "filtered-dump"; readonly dumps: readonly DumpFilter[] }
	| { readonly how: "scan" };

/** The estimated CPU time of each way, in ms; Infinity where it is out of the question. */
export interface Costs {
	readonly "kernel-flush": number;
	/** A dump for each port. */
	readonly "port-dumps": number;
	/** A dump for each family and protocol. */
	readonly "protocol-dumps": number;
	readonly scan: number;
}

export function costs(s: Situation): Costs {
	const { entries, everywhere, buckets, ports, filters, share } = s;
	const passing = everywhere * ENTRY_NS;
	const walk = buckets * BUCKET_NS + passing;
	const returned = entries * RETURN_NS;
	const isAnyPort = ports.some(({ hostPort }) => hostPort === null);
	const cost = (ns: number): number => Math.round(ns / 1e4) / 100;
	return {
		"kernel-flush": filters
			? cost(filters.length * (buckets * FLUSH_BUCKET_NS + passing))
			: Infinity,
		"port-dumps":
			isAnyPort || passing > STALL_NS
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

/** How long bottom halves are off, in ns, when `matches` entries are spread over a walk. */
function stall(passing: number, matches: number): number {
	return passing * Math.min(1, PER_DATAGRAM / matches);
}

/** The cheapest way; of equals the first. */
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

/** One filter for each family and protocol. */
function protocols(ports: readonly DumpFilter[]): DumpFilter[] {
	return distinct(
		ports.map(({ family, proto }) => ({ family, proto, hostPort: null })),
	);
}

function distinct(ports: readonly DumpFilter[]): DumpFilter[] {
	const found = new Map<string, DumpFilter>();
	for (const { family, proto, hostPort } of ports)
		found.set(`${family} ${proto} ${hostPort}`, { family, proto, hostPort });
	return [...found.values()];
}
