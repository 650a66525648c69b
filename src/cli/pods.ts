// The pods and containers that this node knows or remembers, found by the words of a
// person: a name, or a container's ID. It removes nothing and reads no table.

import type { Context } from "../context.ts";
import type { IP } from "../net/ip.ts";
import type { Departure } from "../policy/judge.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";
import { leftAgo, nameOf, printable } from "../policy/words.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { nearest, UsageError } from "./usage.ts";

/** A shorter beginning of a container's ID may be a word of another kind. */
const ID_DIGITS = 6;
/** So many names are listed where a word is none of them. */
const SHOWN = 8;

/** The addresses of a pod. */
export interface Pod {
	readonly name: string;
	/** Those that it has. */
	readonly has: readonly IP[];
	/** Those that it had before it left, or was replaced under the same name. */
	readonly had: readonly IP[];
	/** Those of all these that another pod has now, and its name. A record may outlive its pod, so that both seem to have one. */
	readonly others: ReadonlyMap<IP, string>;
}

/** What one source knows of a pod or container. */
interface Holding {
	readonly pod: string | undefined;
	readonly id: string | undefined;
	/** The name of the one or the other. */
	readonly name: string;
	readonly ips: readonly IP[];
	readonly isLive: boolean;
}

export interface Pods {
	/** Why an address may be a pod's that is not known; undefined if every pod is known. */
	readonly lacking: string | undefined;
	/** Returns true if the word names something, or several things. */
	knows(word: string): boolean;
	/** Returns the pod or container. Throws UsageError if the word names none or several; its message begins with `what`, "not a pod". */
	find(word: string, what: string): Pod;
	/** Returns the name of the pod that has the address, or had it. */
	nameFor(ip: IP): string | undefined;
}

/** Returns a function that calls `make` the first time, and returns what it made. */
export function lazy<T>(make: () => T): () => T {
	let made: { readonly it: T } | undefined;
	return () => {
		made ??= { it: make() };
		return made.it;
	};
}

/** Reads the records, libcni's cache and the departures. Throws SysError if the directory of records cannot be read. */
export function readPods(context: Context, cache: CacheSource): Pods {
	const { host, dataDir } = context;
	const { live, dead, cached, isCutShort } = takeSnapshot(context, cache);
	const departures = readDepartures(host, dataDir);
	const owners = new Map<IP, Attachment>();
	for (const a of cached) for (const ip of a.ips) owners.set(ip, a);
	for (const a of live) for (const ip of addressesOf(a)) owners.set(ip, a);
	const holding = (a: Attachment, isLive: boolean): Holding => ({
		pod: a.pod,
		id: a.containerID,
		name: nameOf(a),
		ips: "ips" in a ? (a.ips as readonly IP[]) : addressesOf(a),
		isLive,
	});
	const all: readonly Holding[] = [
		...[...live, ...cached].map((a) => holding(a, true)),
		...dead.map((a) => holding(a, false)),
		...[...departures].map(([ip, { pod }]) => {
			return { pod, id: undefined, name: pod ?? "", ips: [ip], isLive: false };
		}),
	];
	const leftName = (ip: IP): string | undefined => {
		const departure = departures.get(ip);
		return departure?.pod && `${printable(departure.pod)}, ${left(departure)}`;
	};
	const left = ({ at }: Departure): string => leftAgo(host.ticks() - at);
	const ownerOf = (ip: IP): string | undefined => {
		const owner = owners.get(ip);
		return owner && nameOf(owner);
	};
	const isVague = live.some((a) => a.vague && addressesOf(a).length === 0);
	return {
		lacking: isCutShort
			? "a file of libcni's cache cannot be read"
			: isVague
				? "a record cannot be read"
				: cached.length === 0
					? `no pod is in libcni's cache in ${cache.dir}`
					: undefined,
		knows: (word) => named(all, word).size > 0,
		nameFor: (ip) => ownerOf(ip) ?? leftName(ip),
		find(word, what) {
			const [found, ...more] = named(all, word);
			if (!found) throw unknown(all, word, what);
			if (more.length > 0) {
				const names = [found, ...more].map(([name]) => name);
				throw new UsageError(
					`${what}, but several: ${word} (${inWords(names)})`,
				);
			}
			const [name, holdings] = found;
			const ipsOf = (isLive: boolean): Set<IP> =>
				new Set(
					holdings.filter((h) => h.isLive === isLive).flatMap((h) => h.ips),
				);
			const has = ipsOf(true);
			const had = [...ipsOf(false)].filter((ip) => !has.has(ip));
			const ids = new Set(holdings.map(({ id }) => id));
			const others = new Map<IP, string>();
			for (const h of all)
				if (h.isLive && !holdings.includes(h) && !ids.has(h.id))
					for (const ip of h.ips)
						if (has.has(ip) || had.includes(ip)) others.set(ip, h.name);
			if (has.size + had.length === 0)
				throw new UsageError(`${name} has no address that this node knows`);
			return { name, has: [...has], had, others };
		},
	};
}

/** Returns the holdings that the word names, by the name of the pod, or the ID of the container if the word is one. */
function named(all: readonly Holding[], word: string): Map<string, Holding[]> {
	const found = new Map<string, Holding[]>();
	const isPart = new RegExp(`^[0-9a-f]{${ID_DIGITS},}$`).test(word);
	for (const h of all) {
		const { pod, id } = h;
		const isPod = pod === word || pod?.endsWith(`/${word}`);
		const isID = id === word || (isPart && id?.startsWith(word));
		if (!isPod && !isID) continue;
		const name = isPod || !id ? (pod ?? "") : containerName(h);
		const same = found.get(name);
		if (same) same.push(h);
		else found.set(name, [h]);
	}
	return found;
}

function containerName({ id = "", pod }: Holding): string {
	return printable(pod === undefined ? id : `${id} of ${pod}`);
}

function unknown(
	all: readonly Holding[],
	word: string,
	what: string,
): UsageError {
	const names = new Set(
		all.flatMap(({ pod, id }) => {
			const name = pod ?? id;
			return name ? [printable(name)] : [];
		}),
	);
	// the name without the namespace may be the one with the slip
	const short = new Map([...names].map((n) => [n.replace(/^.*\//, ""), n]));
	const near = nearest(word, [...names]) ?? nearest(word, [...short.keys()]);
	const known = names.size === 0 ? "none" : inWords([...names]);
	return new UsageError(
		`${what} or container that this node knows: ${word} (it knows ${known})`,
		near,
	);
}

function inWords(names: readonly string[]): string {
	const more = names.length - SHOWN;
	return [
		...names.slice(0, SHOWN),
		...(more > 0 ? [`and ${more} more`] : []),
	].join(", ");
}

/** The addresses that a pod stands for, and sentences about those that are another's. */
export interface PodAddresses {
	readonly ips: readonly IP[];
	readonly notes: readonly string[];
}

/** Returns the addresses of a pod for a listing. */
export function addressesForList(pod: Pod, pods: Pods): PodAddresses {
	const ips = [...pod.has, ...pod.had];
	return {
		ips,
		notes: ips
			.filter((ip) => pod.others.has(ip))
			.map((ip) => `${pod.name} ${ownersInWords(pod, ip, pods)}`),
	};
}

/**
 * Returns the addresses of a pod for a removal. Those that another pod has now are left
 * out, and of those that it had before also those that another may have. Throws
 * UsageError if none is left, or if the pod has left and one is left out.
 */
export function addressesForRemoval(pod: Pod, pods: Pods): PodAddresses {
	const { name, has, had, others } = pod;
	const isOwn = (ip: IP): boolean =>
		!others.has(ip) && (has.includes(ip) || pods.lacking === undefined);
	const all = [...has, ...had];
	const ips = all.filter(isOwn);
	const left = all.filter((ip) => !isOwn(ip));
	const [first] = left;
	if (first !== undefined && (has.length === 0 || ips.length === 0))
		throw new UsageError(
			`${name} ${has.length === 0 ? "has left this node, and " : ""}${ownersInWords(pod, first, pods)}`,
			undefined,
			had.some((ip) => others.has(ip))
				? ["flush --stale"]
				: ["flush --stale", ...left.map((ip) => `flush --leads-to ${ip}`)],
		);
	return {
		ips,
		notes: left.map(
			(ip) =>
				`${name} ${ownersInWords(pod, ip, pods)}: what leads there is left out`,
		),
	};
}

/** `had 10.88.0.2, which default/dns has now` */
function ownersInWords(
	{ has, others }: Pod,
	ip: IP,
	{ lacking }: Pods,
): string {
	const other = others.get(ip);
	if (other === undefined)
		return `had ${ip}, which another pod may have now, because ${lacking}`;
	return has.includes(ip)
		? `has ${ip}, which ${other} seems to have too`
		: `had ${ip}, which ${other} has now`;
}
