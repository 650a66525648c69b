// nfnetlink (linux/netfilter/nfnetlink.h): the header of four bytes that ctnetlink
// and nf_tables put between netlink's header and the attributes.

import { NLMSG_HDRLEN, type Writer } from "./nl.ts";
import type { Message } from "./reader.ts";

export const NFGENMSG_LEN = 4;

/** Writes a struct nfgenmsg: the family, version NFNETLINK_V0, resource 0. */
export function nfgenmsg(w: Writer, family: number): void {
	w.header([family, 0, 0, 0]);
}

/** Returns the offset of the message's first attribute. */
export function attributesAt(m: Message): number {
	return m.start + NLMSG_HDRLEN + NFGENMSG_LEN;
}
