// The node's own addresses, read from the kernel's local routing table.

import type { Prefilter } from "../conntrack/prefilter.ts";
import type { Host } from "../host.ts";
import { type Family, type IP, inPrefix, ipBytes, ipOf } from "../net/ip.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { ENODEV, ENOENT } from "../netlink/errno.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_ROUTE, NetlinkError } from "../netlink/nl.ts";
import {
	getLink,
	getLocalRoutes,
	type LocalRoute,
	RTM_NEWROUTE,
	readLinkIndex,
	readLocalRoute,
} from "../netlink/rtnl.ts";

/**
 * kube-proxy in IPVS mode puts every ClusterIP on this interface. The kernel calls
 * them local, but they are Services and not addresses of the node.
 */
const IPVS_INTERFACE = "kube-ipvs0";
/** So many addresses are remembered, because a table may name a million. */
const REMEMBERED = 256;

/** Reads the local addresses of the families. Throws NetlinkError, SysError or DeadlineError. */
export async function localAddresses(
	host: Host,
	families: Iterable<Family>,
	deadline: Deadline,
): Promise<LocalAddresses> {
	const rtnl = new Exchange(host, NETLINK_ROUTE, deadline);
	try {
		const ipvs = await ipvsInterface(rtnl);
		const locals = new LocalAddresses();
		for (const family of families) await addLocals(rtnl, family, ipvs, locals);
		return locals;
	} finally {
		rtnl.close();
	}
}

async function addLocals(
	rtnl: Exchange,
	family: Family,
	ipvs: number | undefined,
	locals: LocalAddresses,
): Promise<void> {
	const dump = rtnl.each(
		"read local addresses",
		(w, seq) => getLocalRoutes(w, seq, family),
		(b, m) => {
			const route = m.type === RTM_NEWROUTE && readLocalRoute(b, m);
			if (!route) return;
			if (route.oif === ipvs) locals.addService(route);
			else locals.add(route);
		},
	);
	// a namespace in which no interface was ever up has no local table
	await orUndefined(dump, ENOENT);
}

function ipvsInterface(rtnl: Exchange): Promise<number | undefined> {
	const link = rtnl.ask(
		`look up ${IPVS_INTERFACE}`,
		(w, seq) => getLink(w, seq, IPVS_INTERFACE),
		readLinkIndex,
	);
	return orUndefined(link, ENODEV);
}

/** Returns the kernel's answer, or undefined if it refuses with `errno`. */
async function orUndefined<T>(
	answer: Promise<T>,
	errno: number,
): Promise<T | undefined> {
	try {
		return await answer;
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === errno) return undefined;
		throw e;
	}
}

/** The node's own addresses, found by the longest match over the local table. */
export class LocalAddresses {
	readonly #routes: LocalRoute[] = [];
	readonly #services = new Set<IP>();
	readonly #found = new Map<IP, boolean>();

	/** Adds every address that may be local to the prefilter. */
	addTo(prefilter: Prefilter): void {
		for (const { local, prefix, length } of this.#routes)
			if (local) prefilter.add(prefix, length);
	}

	add(route: LocalRoute): void {
		this.#found.clear();
		this.#routes.push(route);
	}

	/** Adds an address that the kernel calls local although it is a Service's. There may be thousands. */
	addService({ prefix }: LocalRoute): void {
		this.#found.clear();
		this.#services.add(ipOf(prefix));
	}

	/** Returns true if the address is the node's own. The answer is remembered, because most entries share few addresses. */
	has(ip: IP): boolean {
		const known = this.#found.get(ip);
		if (known !== undefined) return known;
		const found = this.#find(ip);
		if (this.#found.size >= REMEMBERED) this.#found.clear();
		this.#found.set(ip, found);
		return found;
	}

	/** Returns the node's addresses, without the ranges that the kernel calls local as a whole. */
	hosts(): IP[] {
		return this.#routes
			.filter(
				({ local, prefix, length }) => local && length === 8 * prefix.length,
			)
			.map(({ prefix }) => ipOf(prefix));
	}

	/** Returns true if the kernel calls the address local, a Service's too. */
	isLocal(ip: IP): boolean {
		return this.has(ip) || this.#services.has(ip);
	}

	#find(ip: IP): boolean {
		const bytes = ipBytes(ip);
		let best: LocalRoute | undefined;
		for (const route of this.#routes) {
			if (
				(!best || route.length > best.length) &&
				inPrefix(bytes, route.prefix, route.length)
			)
				best = route;
		}
		if (!best?.local) return false;
		// a Service's address inside a wider local range is not the node's, unless it is an address of its own too
		return best.length === 8 * bytes.length || !this.#services.has(ip);
	}
}
