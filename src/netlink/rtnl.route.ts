// rtnetlink (linux/rtnetlink.h): the interface behind which an address is. It is the
// interface that the address's packets are likely to arrive on, and no more than that:
// routes need not be symmetric.

import { familyOf, type IP, ipBytes } from "../net/ip.ts";
import { DecodeError, NLM_F_REQUEST, NLMSG_HDRLEN, type Writer } from "./nl.ts";
import { attributes, type Message, type RecvBuffer } from "./reader.ts";

const RTM_GETLINK = 18;
const RTM_GETROUTE = 26;
const RTMSG_LEN = 12;
const IFINFOMSG_LEN = 16;
const IFLA_IFNAME = 3;
const RTA_DST = 1;
const RTA_OIF = 4;

/** Asks for the route to an address. The kernel answers ENETUNREACH if there is none. */
export function getRouteTo(w: Writer, seq: number, ip: IP): void {
	w.message(RTM_GETROUTE, NLM_F_REQUEST, seq, () => {
		const bytes = ipBytes(ip);
		w.header([familyOf(ip), 8 * bytes.length, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
		w.raw(RTA_DST, bytes);
	});
}

/** Returns the index of the interface in an answer to `getRouteTo`. Throws DecodeError. */
export function readRouteInterface(b: RecvBuffer, m: Message): number {
	let index: number | undefined;
	attributes(b, m.start + NLMSG_HDRLEN + RTMSG_LEN, m.end, (type, at, n) => {
		if (type === RTA_OIF && n === 4) index = b.u32(at);
	});
	if (index === undefined) throw new DecodeError("route without an interface");
	return index;
}

/** Asks for the interface of an index. */
export function getLinkOf(w: Writer, seq: number, index: number): void {
	w.message(RTM_GETLINK, NLM_F_REQUEST, seq, () => {
		const header = new Uint8Array(IFINFOMSG_LEN);
		new Uint32Array(header.buffer)[1] = index;
		w.header([...header]);
	});
}

/** Returns the interface's name in an answer to `getLinkOf`. Throws DecodeError. */
export function readLinkName(b: RecvBuffer, m: Message): string {
	let name: string | undefined;
	attributes(
		b,
		m.start + NLMSG_HDRLEN + IFINFOMSG_LEN,
		m.end,
		(type, at, n) => {
			if (type === IFLA_IFNAME) name = b.text(at, n);
		},
	);
	if (name === undefined) throw new DecodeError("interface without a name");
	return name;
}
