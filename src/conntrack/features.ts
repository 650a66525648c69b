// Requests that find out what a kernel can do. They change nothing on any kernel. The one
// about the kernel flush is a DELETE, and in messages.ts.

import { AF_INET } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { nfgenmsg } from "../netlink/nfnl.ts";
import {
	be32,
	NLM_F_ACK,
	NLM_F_DUMP,
	NLM_F_REQUEST,
	type Writer,
} from "../netlink/nl.ts";
import {
	CTA_FILTER,
	CTA_FILTER_ORIG_FLAGS,
	CTA_IP_V4_DST,
	CTA_IP_V4_SRC,
	CTA_PROTO_DST_PORT,
	CTA_PROTO_NUM,
	CTA_PROTO_SRC_PORT,
	CTA_STATUS,
	CTA_TIMEOUT,
	CTA_TUPLE_IP,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	IPCTNL_MSG_CT_GET,
	IPCTNL_MSG_CT_NEW,
	IPS_FIXED_TIMEOUT,
} from "./constants.ts";
import { UNKNOWN_FLAG } from "./messages.ts";

/** Not an address family, so no entry has it. */
const NO_FAMILY = 99;

/** Asks for a dump with an unknown filter flag. The kernel answers EINVAL or EOPNOTSUPP if it can filter dumps (Linux 5.8), and otherwise an empty dump. */
export function probeFilteredDump(w: Writer, seq: number): void {
	w.message(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, seq, () => {
		nfgenmsg(w, NO_FAMILY);
		w.nested(CTA_FILTER, () => w.u32(CTA_FILTER_ORIG_FLAGS, UNKNOWN_FLAG));
	});
}

/** Asks to retire an entry that does not exist. The kernel answers ENOENT if it understands the request. Without NLM_F_CREATE it makes no entry. */
export function probeRetire(w: Writer, seq: number): void {
	w.message(IPCTNL_MSG_CT_NEW, NLM_F_REQUEST | NLM_F_ACK, seq, () => {
		nfgenmsg(w, AF_INET);
		nobody(w);
		w.u32(CTA_STATUS, be32(IPS_FIXED_TIMEOUT));
		w.u32(CTA_TIMEOUT, be32(1));
	});
}

/** Writes the tuple of UDP from 0.0.0.0:0 to 0.0.0.0:0. */
function nobody(w: Writer): void {
	w.nested(CTA_TUPLE_ORIG, () => {
		w.nested(CTA_TUPLE_IP, () => {
			w.raw(CTA_IP_V4_SRC, new Uint8Array(4));
			w.raw(CTA_IP_V4_DST, new Uint8Array(4));
		});
		w.nested(CTA_TUPLE_PROTO, () => {
			w.u8(CTA_PROTO_NUM, IPPROTO_UDP);
			w.u16be(CTA_PROTO_SRC_PORT, 0);
			w.u16be(CTA_PROTO_DST_PORT, 0);
		});
	});
}
