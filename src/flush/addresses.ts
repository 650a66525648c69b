// The node's own addresses, read from the kernel.

import type { Host } from "../host.ts";
import type { Family } from "../net/ip.ts";
import type { Deadline } from "../netlink/exchange.ts";
import { Exchange } from "../netlink/exchange.ts";
import { ENODEV, ENOENT, NETLINK_ROUTE, NetlinkError } from "../netlink/nl.ts";
import {
	getLink,
	getLocalRoutes,
	LocalAddresses,
	RTM_NEWROUTE,
	readLink,
	readLocalRoute,
} from "../netlink/rtnl.ts";

/**
 * kube-proxy in IPVS mode puts every ClusterIP on this interface: local for the
 * kernel, but Services, not addresses of the node.
 */
const IPVS_INTERFACE = "kube-ipvs0";

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
		readLink,
	);
	return orUndefined(link, ENODEV);
}

/** What the kernel answers, or undefined if it refuses with `errno`. */
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
