// rtnetlink (linux/rtnetlink.h): the requests for interfaces and for the local routing
// table. That table, and not the interfaces, is what `addrtype --dst-type LOCAL` of
// portmap's rules consults. It also knows 127.0.0.0/8 as a whole, and addresses that
// are routed locally without being on an interface.

import { AF_INET, AF_INET6, type Family, ipLength } from "../net/ip.ts";
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

/** Asks for the local table of one family. Kernels before 4.20 send all tables. */
export function getLocalRoutes(w: Writer, seq: number, family: Family): void {
	w.message(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, seq, () =>
		// rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
		w.header([family, 0, 0, 0, RT_TABLE_LOCAL, 0, 0, 0, 0, 0, 0, 0]),
	);
}

/** Asks for one interface. The kernel answers ENODEV if no interface has that name. */
export function getLink(w: Writer, seq: number, name: string): void {
	w.message(RTM_GETLINK, NLM_F_REQUEST, seq, () => {
		w.header(new Array<number>(IFINFOMSG_LEN).fill(0));
		w.string(IFLA_IFNAME, name);
	});
}

/** Returns the interface index in an answer to `getLink`. Throws DecodeError. */
export function readLinkIndex(b: RecvBuffer, m: Message): number {
	if (m.type !== RTM_NEWLINK || m.end - m.start < NLMSG_HDRLEN + IFINFOMSG_LEN)
		throw new DecodeError(`message of type ${m.type} in place of a link`);
	return b.u32(m.start + NLMSG_HDRLEN + 4);
}

/** One route of the local table. */
export interface LocalRoute {
	readonly prefix: Uint8Array;
	/** The prefix's length in bits. */
	readonly length: number;
	/** True for RTN_LOCAL; the table holds broadcast and anycast routes too. */
	readonly local: boolean;
	/** The interface's index, 0 if the route has none. */
	readonly oif: number;
}

/** Reads a RTM_NEWROUTE. Returns undefined if the route is in another table. Throws DecodeError. */
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
