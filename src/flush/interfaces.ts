// The interfaces that packets are likely to arrive on, by the routes to their senders.

import type { Host } from "../host.ts";
import type { IP } from "../net/ip.ts";
import type { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_ROUTE, NetlinkError } from "../netlink/nl.ts";
import {
	getLinkOf,
	getRouteTo,
	readLinkName,
	readRouteInterface,
} from "../netlink/rtnl.route.ts";

/** So many senders are remembered. */
const REMEMBERED = 1024;

export class Interfaces {
	readonly #requests: Exchange;
	readonly #found = new Map<IP, string | undefined>();
	readonly #names = new Map<number, string>();

	constructor(host: Host, deadline: Deadline) {
		this.#requests = new Exchange(host, NETLINK_ROUTE, deadline);
	}

	close(): void {
		this.#requests.close();
	}

	/** Returns the name of the interface behind which `ip` is, or undefined if there is no route to it. Throws SysError or DeadlineError. */
	async towards(ip: IP): Promise<string | undefined> {
		if (this.#found.has(ip)) return this.#found.get(ip);
		const name = await this.#ask(ip);
		if (this.#found.size >= REMEMBERED) this.#found.clear();
		this.#found.set(ip, name);
		return name;
	}

	async #ask(ip: IP): Promise<string | undefined> {
		try {
			const index = await this.#requests.ask(
				`look up the route to ${ip}`,
				(w, seq) => getRouteTo(w, seq, ip),
				readRouteInterface,
			);
			const known = this.#names.get(index);
			if (known !== undefined) return known;
			const name = await this.#requests.ask(
				"look up an interface",
				(w, seq) => getLinkOf(w, seq, index),
				readLinkName,
			);
			this.#names.set(index, name);
			return name;
		} catch (e) {
			// ENETUNREACH and the like
			if (e instanceof NetlinkError) return undefined;
			throw e;
		}
	}
}
