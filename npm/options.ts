// The options of the library's functions, and what they mean to the core. They are read by
// the readers of the command line's flags, so that the same words mean the same entries.

import { ANY_PROTO, mappedOf } from "../src/cli/anyproto.ts";
import {
	addressesForList,
	addressesForRemoval,
	readPods,
} from "../src/cli/pods.ts";
import { ALL_PROTOS, cacheOf, selectionOf } from "../src/cli/selecting.ts";
import { UsageError } from "../src/cli/usage.ts";
import {
	ADDRESS,
	CACHE_DIR_FLAG,
	DATA_DIR_FLAG,
	DIR,
	FAMILY,
	number,
	PLACE,
	PORTS,
	RULES,
} from "../src/cli/values.ts";
import type { Context } from "../src/context.ts";
import type { Host } from "../src/host.ts";
import { isMapped } from "../src/net/otherprotos.ts";
import { IPPROTO_UDP, type Proto } from "../src/net/proto.ts";
import { isSaid, type Selection } from "../src/policy/selection.ts";
import type { CacheSource } from "../src/state/liveness.ts";

/** The conditions on entries. An entry has to agree in all that are given; those that are left out stand for any. */
export interface Where {
	/** Ports of the node, to one of which the entry came: `8125`, `"8000-8010"`, `[8125, 9125]`. */
	readonly hostPort?: number | string | readonly (number | string)[];
	/** The address that it came to. Without it, a port is one of any address of the node. */
	readonly hostIP?: string;
	/** The client: an address, a prefix, ports, or one with the other, as `"192.0.2.7"`, `"10.88.0.0/16"`, `":53"`, `"[fd00::2]:53"`. */
	readonly from?: string;
	/** Where the client sent it, wherever that is; written as `from`. */
	readonly to?: string;
	/** Where a rule has sent it, such as the address of a pod; written as `from`. */
	readonly leadsTo?: string;
	/** Where its replies come to, such as an address that NAT has put in the place of the client's; written as `from`. */
	readonly answeredAt?: string;
	/** A pod that a rule has sent it to: `"namespace/name"`, `"name"`, or the container's ID or its first 6 digits or more. */
	readonly pod?: string;
	/** `"udp"`, `"tcp"`, `"sctp"`, or several of them. `list` takes any protocol that `conntrack-flush list --proto` takes. */
	readonly proto?: string | readonly string[];
	readonly family?: "ipv4" | "ipv6";
	/** A conntrack zone; 0 is the default zone. */
	readonly zone?: number;
	/** Only entries that keep traffic from where it belongs. */
	readonly stale?: boolean;
	/** The directory of the plugin's records; `/run/cni/conntrack-flush` if it is left out. */
	readonly dataDir?: string;
	/** The directory of libcni's cache of running pods; `/var/lib/cni` if it is left out. */
	readonly cniCacheDir?: string;
}

/** What `list` yields. */
export interface ListOptions extends Where {
	/** Every entry that matches, also of ICMP and other protocols, and if it belongs to no hostPort. */
	readonly all?: boolean;
}

/** What `flush` removes. */
export interface FlushOptions extends Where {
	/** With `stale`: remove also UDP entries that contradict the rules of engines that publish ports or, with `"all"`, of everybody. */
	readonly rules?: "engines" | "all";
	/** Removes nothing, and counts what would be removed. */
	readonly dryRun?: boolean;
}

/** The options as the core has them. */
export interface Meant {
	readonly selection: Selection;
	/** The protocols that were given, also those that portmap does not map. */
	readonly protos: readonly (readonly number[])[];
	readonly cache: CacheSource;
	readonly context: Context;
	readonly stale: boolean;
}

const CONDITIONS = [
	"hostPort",
	"hostIP",
	"from",
	"to",
	"leadsTo",
	"answeredAt",
	"pod",
	"proto",
	"family",
	"zone",
	"stale",
	"dataDir",
	"cniCacheDir",
];

/** Reads the options of a list. Throws UsageError, which names the key and the value. */
export function readListOptions(
	host: Host,
	options: ListOptions,
): Meant & { readonly all: boolean } {
	check(options, [...CONDITIONS, "all"]);
	const meant = read(host, "list", options, ALL_PROTOS, addressesForList);
	return { ...meant, all: flag(options, "all") };
}

/** Reads the options of a flush. Throws UsageError for a wrong one, and if there is no condition. */
export function readFlushOptions(
	host: Host,
	options: FlushOptions,
): Meant & {
	readonly rules: "engines" | "all" | undefined;
	readonly dryRun: boolean;
} {
	check(options, [...CONDITIONS, "rules", "dryRun"]);
	const stale = flag(options, "stale");
	const meant = stale
		? read(host, "flush", options, ALL_PROTOS, addressesForList)
		: read(host, "flush", options, [IPPROTO_UDP], addressesForRemoval);
	if (!meant.protos.flat().every(isMapped))
		throw new UsageError(`proto: not one of udp, tcp, sctp: ${options.proto}`);
	if (!stale && !isSaid(meant.selection))
		throw new UsageError(
			"flush needs a condition: hostPort, pod, from, to, leadsTo, answeredAt or stale",
		);
	const rules = one(RULES, options, "rules");
	if (rules !== undefined && !stale)
		throw new UsageError("rules is for stale: true");
	return { ...meant, rules, dryRun: flag(options, "dryRun") };
}

/** Throws UsageError for a key that is none, because a condition with a slip in its name would let more be removed, and for one without a value, which is a mistake of the program. */
function check(options: object, keys: readonly string[]): void {
	for (const [key, value] of Object.entries(options)) {
		if (!keys.includes(key)) throw new UsageError(`unknown option: ${key}`);
		if (value === undefined || value === null)
			throw new UsageError(`${key}: ${value}; leave the key out for any`);
		if (Array.isArray(value) && value.length === 0)
			throw new UsageError(`${key}: an empty list; leave the key out for any`);
	}
}

function read(
	host: Host,
	event: string,
	options: Where,
	fallback: readonly Proto[],
	addresses: typeof addressesForList,
): Meant {
	const protos = several(ANY_PROTO, options, "proto");
	const mapped = mappedOf(protos);
	const cache = cacheOf(
		one(DIR, options, "cniCacheDir") ?? CACHE_DIR_FLAG.fallback,
		mapped,
	);
	const dataDir = one(DIR, options, "dataDir") ?? DATA_DIR_FLAG.fallback;
	const context = { host, dataDir, log: () => {}, event };
	const selection = selectionOf(
		{
			proto: mapped,
			hostPort: several(PORTS, options, "hostPort"),
			hostIP: one(ADDRESS, options, "hostIP"),
			from: one(PLACE, options, "from"),
			to: one(PLACE, options, "to"),
			leadsTo: one(PLACE, options, "leadsTo"),
			answeredAt: one(PLACE, options, "answeredAt"),
			family: one(FAMILY, options, "family"),
			zone: one(number("ZONE", 0, 65535), options, "zone"),
		},
		options.pod === undefined
			? undefined
			: addressesIn(context, cache, options.pod, addresses),
		fallback,
	);
	return { selection, protos, cache, context, stale: flag(options, "stale") };
}

/** Returns the addresses of the pod, and warns of those that are another's. */
function addressesIn(
	context: Context,
	cache: CacheSource,
	word: unknown,
	addresses: typeof addressesForList,
): readonly string[] {
	const pods = readPods(context, cache);
	const pod = pods.find(text("pod", word), "pod: not a pod");
	const { ips, notes } = addresses(pod, pods);
	for (const note of notes) context.host.write(2, `${note}\n`);
	return ips;
}

/** What reads a flag's value on the command line. */
interface Kind<T> {
	parse(text: string, name: string): T;
}

function one<T>(kind: Kind<T>, options: object, key: string): T | undefined {
	const value = given(options, key);
	return value === undefined ? undefined : kind.parse(text(key, value), key);
}

function several<T>(kind: Kind<T>, options: object, key: string): T[] {
	const value = given(options, key);
	if (value === undefined) return [];
	const values: readonly unknown[] = Array.isArray(value) ? value : [value];
	return values.map((v) => kind.parse(text(key, v), key));
}

function flag(options: object, key: string): boolean {
	const value = given(options, key) ?? false;
	if (typeof value !== "boolean")
		throw new UsageError(`${key}: neither true nor false: ${value}`);
	return value;
}

function text(key: string, value: unknown): string {
	if (typeof value !== "string" && typeof value !== "number")
		throw new UsageError(`${key}: neither a string nor a number: ${value}`);
	return String(value);
}

function given(options: object, key: string): unknown {
	return Object.entries(options).find(([name]) => name === key)?.[1];
}
