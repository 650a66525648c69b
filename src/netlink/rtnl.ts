// rtnetlink (linux/rtnetlink.h): which addresses are this node's own. The local
// routing table is asked, not the interfaces: it is what `addrtype --dst-type
// LOCAL` of portmap's rules consults, and it also knows 127.0.0.0/8 as a whole
// and addresses routed locally without standing on an interface.

import type { Sieve } from "../conntrack/prefilter.ts";
import {
	AF_INET,
	AF_INET6,
	type Family,
	formatIP,
	type IP,
	inPrefix,
	ipBytes,
	ipLength,
} from "../net/ip.ts";
import {
	DecodeError,
	NLM_F_DUMP,
	NLM_F_REQUEST,
	NLMSG_HDRLEN,
	type Writer,
} from "./nl.ts";
import { attributes, type Message, type RecvBuffer } from "./reader.ts";

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
export const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTMSG_LEN = 12;
const IFINFOMSG_LEN = 16;
const IFLA_IFNAME = 3;
const RTA_DST = 1;
const RTA_OIF = 4;
const RT_TABLE_LOCAL = 255;
const RTN_LOCAL = 2;
/** Addresses: a table may name a million. */
const REMEMBERED = 256;

/** Asks for the local table of one family; kernels before 4.20 send all tables. */
export function getLocalRoutes(w: Writer, seq: number, family: Family): void {
	w.message(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, seq, () =>
		// rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
		w.header([family, 0, 0, 0, RT_TABLE_LOCAL, 0, 0, 0, 0, 0, 0, 0]),
	);
}

/** Asks for one interface; the kernel answers ENODEV if there is none of that name. */
export function getLink(w: Writer, seq: number, name: string): void {
	w.message(RTM_GETLINK, NLM_F_REQUEST, seq, () => {
		w.header(new Array<number>(IFINFOMSG_LEN).fill(0));
		w.string(IFLA_IFNAME, name);
	});
}

/** The interface index of an answer to `getLink`. */
export function readLink(b: RecvBuffer, m: Message): number {
	if (m.type !== RTM_NEWLINK || m.end - m.start < NLMSG_HDRLEN + IFINFOMSG_LEN)
		throw new DecodeError(`message of type ${m.type} in place of a link`);
	return b.u32(m.start + NLMSG_HDRLEN + 4);
}

/** One route of the local table. */
export interface LocalRoute {
	readonly prefix: Uint8Array;
	/** In bits. */
	readonly length: number;
	/** RTN_LOCAL; the table also holds broadcast and anycast routes. */
	readonly local: boolean;
	/** Interface index, 0 if none. */
	readonly oif: number;
}

/** Reads a RTM_NEWROUTE; undefined if it is of another table. */
export function readLocalRoute(
	b: RecvBuffer,
	m: Message,
): LocalRoute | undefined {
	const at = m.start + NLMSG_HDRLEN;
	if (m.end - at < RTMSG_LEN) throw new DecodeError("route without its header");
	if (b.bytes[at + 4] !== RT_TABLE_LOCAL) return undefined;
	const family = b.bytes[at] === AF_INET ? AF_INET : AF_INET6;
	const length = b.bytes[at + 1] ?? 0;
	const local = b.bytes[at + 7] === RTN_LOCAL;
	let prefix = new Uint8Array(ipLength(family));
	let oif = 0;
	attributes(b, at + RTMSG_LEN, m.end, (type, value, n) => {
		if (type === RTA_DST && n === prefix.length)
			prefix = b.bytes.slice(value, value + n);
		else if (type === RTA_OIF && n === 4) oif = b.u32(value);
	});
	return { prefix, length, local, oif };
}

/** The node's own addresses, by longest match over the local table. */
export class LocalAddresses {
	readonly #routes: LocalRoute[] = [];
	readonly #services = new Set<IP>();
	readonly #found = new Map<IP, boolean>();

	/** Lets through all that may be local. */
	addTo(sieve: Sieve): void {
		for (const { local, prefix, length } of this.#routes)
			if (local) sieve.add(prefix, length);
	}

	add(route: LocalRoute): void {
		this.#found.clear();
		this.#routes.push(route);
	}

	/** An address that is local for the kernel, but a Service: there may be thousands. */
	addService({ prefix }: LocalRoute): void {
		this.#found.clear();
		const family = prefix.length === 4 ? AF_INET : AF_INET6;
		this.#services.add(formatIP(prefix, 0, family));
	}

	/** Remembers what it found, as most entries share few addresses. */
	has(ip: IP): boolean {
		const known = this.#found.get(ip);
		if (known !== undefined) return known;
		const found = this.#find(ip);
		if (this.#found.size >= REMEMBERED) this.#found.clear();
		this.#found.set(ip, found);
		return found;
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
		// a Service within a wider local range, but not one that is an address too
		return best.length === 8 * bytes.length || !this.#services.has(ip);
	}
}
