// ctnetlink (linux/netfilter/nfnetlink_conntrack.h): the messages that we send. Only
// this file can write IPCTNL_MSG_CT_DELETE, and it must never write a DELETE without a
// tuple, with CTA_FILTER flags 0 or with a filter that a kernel ignores: each of them
// empties the table of a node. See `deleteOne` and `deleteFiltered`.

import {
	AF_INET,
	AF_UNSPEC,
	type Family,
	familyOf,
	type IP,
	ipBytes,
} from "../net/ip.ts";
import {
	IPPROTO_SCTP,
	IPPROTO_TCP,
	IPPROTO_UDP,
	type Proto,
} from "../net/proto.ts";
import { attributesAt, nfgenmsg } from "../netlink/nfnl.ts";
import {
	be32,
	DecodeError,
	NLM_F_ACK,
	NLM_F_DUMP,
	NLM_F_REQUEST,
	pairWord,
	type Writer,
} from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import {
	CTA_FILTER,
	CTA_FILTER_F_DST_PORT,
	CTA_FILTER_F_IP_DST,
	CTA_FILTER_F_IP_SRC,
	CTA_FILTER_F_PROTO_NUM,
	CTA_FILTER_F_SRC_PORT,
	CTA_FILTER_ORIG_FLAGS,
	CTA_FILTER_REPLY_FLAGS,
	CTA_IP_V4_DST,
	CTA_IP_V4_SRC,
	CTA_PROTO_DST_PORT,
	CTA_PROTO_NUM,
	CTA_PROTO_SRC_PORT,
	CTA_STATS_GLOBAL_ENTRIES,
	CTA_STATS_GLOBAL_MAX_ENTRIES,
	CTA_TUPLE_IP,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	CTA_TUPLE_REPLY,
	IPCTNL_MSG_CT_GET,
	IPCTNL_MSG_CT_GET_STATS,
	IPCTNL_MSG_CT_NEW,
	IPS_FIXED_TIMEOUT,
} from "./constants.ts";
import {
	ID_WORD,
	isPlain,
	REPLY_HALF,
	STATUS_WORD,
	TIMEOUT_WORD,
	V4_TUPLE,
	V6_TUPLE,
	ZONE_WORD,
} from "./layout.ts";

/** Only this file knows the number: see above. */
const IPCTNL_MSG_CT_DELETE = 0x0102;

/**
 * The parts that identify an entry for removal. The reply tuple proves that the target
 * is still the one that was judged, the id proves it of the original tuple. If the
 * entry was made anew in the meantime, one of them differs and the answer is ENOENT.
 */
export interface Key {
	readonly family: Family;
	/** The payload of CTA_TUPLE_REPLY as dumped, in words. A directional zone stands in it. */
	readonly reply: Int32Array;
	/** CTA_ID as a word of the received buffer; see `idOf`. */
	readonly id: number;
	/** CTA_ZONE as a half of the received buffer, if the entry has one. Without it the kernel looks in the default zone. */
	readonly zone: number | undefined;
}

/** The filter of a kernel flush, which deletes every entry that agrees in all of these. */
export type FlushFilter = TargetFilter | SourceFilter;

/** Entries that lead to one port of an address. */
export interface TargetFilter {
	/** Never SCTP: the kernel compares ports of these two protocols alone (ctnetlink_filter_match_tuple). */
	readonly proto: typeof IPPROTO_TCP | typeof IPPROTO_UDP;
	readonly origDport: number;
	/** An IPv4 address, or undefined for any. */
	readonly origDst: IP | undefined;
	/** An IPv4 address, because every kernel that has the filter inverts the comparison of IPv6 addresses. */
	readonly replySrc: IP;
	readonly replySport: number;
}

/** Entries that an address began, and whose replies come to one port. */
export interface SourceFilter {
	readonly proto: TargetFilter["proto"];
	/** An IPv4 address; see `TargetFilter`. */
	readonly origSrc: IP;
	/** An IPv4 address, or undefined for any. */
	readonly replyDst: IP | undefined;
	readonly replyDport: number;
}

/** Entries of one family and protocol, and of one destination port or more in a row or, with null, of all ports. */
export interface PortFilter {
	readonly family: Family;
	readonly proto: Proto;
	readonly hostPort: number | null;
	/** The number of ports if there are more than one. */
	readonly count?: number;
	/** "reply" if the port is the one that replies come to. Otherwise it is the original destination port. */
	readonly side?: "reply";
}

/** The filter of a dump, which cannot be for some ports in a row. */
export interface DumpFilter extends PortFilter {
	readonly count?: never;
}

/** The number of entries that this network namespace has, and the number that it may have. */
export interface Fill {
	readonly entries: number;
	/** 0 if the kernel does not say. */
	readonly max: number;
}

/** Asks for the fill of the table. */
export function getFill(w: Writer, seq: number): void {
	w.message(IPCTNL_MSG_CT_GET_STATS, NLM_F_REQUEST, seq, () =>
		nfgenmsg(w, AF_UNSPEC),
	);
}

/** Reads the answer to `getFill`. Throws DecodeError. */
export function readFill(b: RecvBuffer, m: Message): Fill {
	let entries: number | undefined;
	let max = 0;
	attributes(b, attributesAt(m), m.end, (type, at, length) => {
		if (length !== 4) return;
		if (type === CTA_STATS_GLOBAL_ENTRIES) entries = b.view.getUint32(at);
		else if (type === CTA_STATS_GLOBAL_MAX_ENTRIES) max = b.view.getUint32(at);
	});
	if (entries === undefined)
		throw new DecodeError("statistics without entries");
	return { entries, max };
}

/** Asks for all entries, of both families if none is given. */
export function getAll(
	w: Writer,
	seq: number,
	family: Family | typeof AF_UNSPEC = AF_UNSPEC,
): void {
	w.message(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, seq, () =>
		nfgenmsg(w, family),
	);
}

/**
 * Asks for the entries that the filter describes. The dump may hold more: kernels
 * before 5.8 send all entries of the family, and every kernel sends all ports of SCTP.
 * Kernels before 5.16 compare the reply by the flags of the original tuple (commit
 * ad81d4daf6a3). A filter of replies has none of these, so such a kernel sends all
 * entries of the family and leaves none out.
 */
export function getFiltered(
	w: Writer,
	seq: number,
	{ family, proto, hostPort, side }: DumpFilter,
): void {
	const dport = proto === IPPROTO_SCTP ? undefined : (hostPort ?? undefined);
	const isReply = side === "reply";
	w.message(IPCTNL_MSG_CT_GET, NLM_F_REQUEST | NLM_F_DUMP, seq, () => {
		nfgenmsg(w, family);
		filterTuple(w, isReply ? CTA_TUPLE_REPLY : CTA_TUPLE_ORIG, proto, {
			dport,
		});
		w.nested(CTA_FILTER, () =>
			w.u32(
				isReply ? CTA_FILTER_REPLY_FLAGS : CTA_FILTER_ORIG_FLAGS,
				filterFlags({ dport }),
			),
		);
	});
}

/** Deletes the one entry of `key`. Throws TypeError if the DELETE might concern more. */
export function deleteOne(
	w: Writer,
	seq: number,
	ack: boolean,
	key: Key,
): void {
	const at = name(w, IPCTNL_MSG_CT_DELETE, seq, ack, key, 2);
	const { words } = w;
	words[at] = ID_WORD;
	words[at + 1] = key.id;
}

/**
 * Gives the entry of `key` a last timeout that no packet refreshes. `status` is the
 * status in the dump, because bits that the kernel has set must be repeated (EBUSY).
 * The timeout comes in the same message, because kernels since 6.0 refuse to change it
 * afterwards: EPERM means that the entry was retired before. Older kernels begin the
 * timeout anew.
 */
export function retireOne(
	w: Writer,
	seq: number,
	ack: boolean,
	key: Key,
	status: number,
	seconds: number,
): void {
	// no NLM_F_CREATE: an entry that has expired must not come back
	const at = name(w, IPCTNL_MSG_CT_NEW, seq, ack, key, 4);
	const { words } = w;
	words[at] = STATUS_WORD;
	words[at + 1] = be32(status | IPS_FIXED_TIMEOUT);
	words[at + 2] = TIMEOUT_WORD;
	words[at + 3] = be32(seconds);
}

/**
 * Makes the kernel delete all entries that agree with `filter` (Linux 6.12 and later,
 * commit 1ef7f50ccc6e). The original tuple never holds both addresses, so it is
 * incomplete: a kernel that does not know the filter answers EINVAL or EOPNOTSUPP and
 * deletes nothing. The flags are never 0, and one address and one port at least are
 * compared. Throws TypeError for a filter that the kernel would not compare whole.
 */
export function deleteFiltered(
	w: Writer,
	seq: number,
	filter: FlushFilter,
): void {
	const { proto } = filter;
	const isSource = "origSrc" in filter;
	const orig: Parts = isSource
		? { src: filter.origSrc }
		: { dst: filter.origDst, dport: filter.origDport };
	const reply: Parts = isSource
		? { dst: filter.replyDst, dport: filter.replyDport }
		: { src: filter.replySrc, sport: filter.replySport };
	if (proto !== IPPROTO_TCP && proto !== IPPROTO_UDP)
		throw new TypeError(`the kernel compares no ports of protocol ${proto}`);
	const pod = orig.src ?? reply.src;
	if (pod === undefined) throw new TypeError("a flush without an address");
	for (const ip of [pod, orig.dst, reply.dst]) {
		if (ip !== undefined && familyOf(ip) !== AF_INET)
			throw new TypeError(`the kernel inverts IPv6 addresses: ${ip}`);
	}
	for (const port of isSource ? [reply.dport] : [orig.dport, reply.sport])
		if (!port) throw new TypeError("port 0 is no mapping");
	w.message(IPCTNL_MSG_CT_DELETE, requestFlags(true), seq, () => {
		nfgenmsg(w, AF_INET);
		filterTuple(w, CTA_TUPLE_ORIG, proto, orig);
		filterTuple(w, CTA_TUPLE_REPLY, proto, reply);
		w.nested(CTA_FILTER, () => {
			w.u32(CTA_FILTER_ORIG_FLAGS, filterFlags(orig));
			w.u32(CTA_FILTER_REPLY_FLAGS, filterFlags(reply));
		});
	});
}

/** No entry has this tuple, because 0.0.0.0 is nobody's address. */
const NOBODY: Parts = { src: "0.0.0.0", dst: "0.0.0.0", sport: 0, dport: 0 };
/** The kernel knows no such flag of a filter. */
export const UNKNOWN_FLAG = 0x80000000;

/**
 * Asks for a kernel flush with an unknown flag. A kernel that has the kernel flush answers
 * EINVAL or EOPNOTSUPP before it looks at an entry, and others ENOENT, because for them the
 * tuple names one entry, which does not exist. The tuple is complete and all of it is compared: if a
 * kernel passed over the flag, it would find nothing to delete either.
 */
export function probeKernelFlush(w: Writer, seq: number): void {
	w.message(IPCTNL_MSG_CT_DELETE, requestFlags(true), seq, () => {
		nfgenmsg(w, AF_INET);
		filterTuple(w, CTA_TUPLE_ORIG, IPPROTO_UDP, NOBODY);
		w.nested(CTA_FILTER, () =>
			w.u32(CTA_FILTER_ORIG_FLAGS, UNKNOWN_FLAG | filterFlags(NOBODY)),
		);
	});
}

/** The parts of a tuple that a filter compares beside the protocol. The addresses are of IPv4. */
interface Parts {
	readonly src?: IP | undefined;
	readonly dst?: IP | undefined;
	readonly sport?: number | undefined;
	readonly dport?: number | undefined;
}

function filterTuple(
	w: Writer,
	type: typeof CTA_TUPLE_ORIG | typeof CTA_TUPLE_REPLY,
	proto: Proto,
	{ src, dst, sport, dport }: Parts,
): void {
	w.nested(type, () => {
		if (src !== undefined || dst !== undefined)
			w.nested(CTA_TUPLE_IP, () => {
				if (src !== undefined) w.raw(CTA_IP_V4_SRC, ipBytes(src));
				if (dst !== undefined) w.raw(CTA_IP_V4_DST, ipBytes(dst));
			});
		w.nested(CTA_TUPLE_PROTO, () => {
			w.u8(CTA_PROTO_NUM, proto);
			if (sport !== undefined) w.u16be(CTA_PROTO_SRC_PORT, sport);
			if (dport !== undefined) w.u16be(CTA_PROTO_DST_PORT, dport);
		});
	});
}

/** Returns the flags of `filterTuple`'s tuple, in host order, unlike every other payload of ctnetlink. */
function filterFlags({ src, dst, sport, dport }: Parts): number {
	return (
		CTA_FILTER_F_PROTO_NUM |
		(src === undefined ? 0 : CTA_FILTER_F_IP_SRC) |
		(dst === undefined ? 0 : CTA_FILTER_F_IP_DST) |
		(sport === undefined ? 0 : CTA_FILTER_F_SRC_PORT) |
		(dport === undefined ? 0 : CTA_FILTER_F_DST_PORT)
	);
}

function requestFlags(ack: boolean): number {
	return ack ? NLM_F_REQUEST | NLM_F_ACK : NLM_F_REQUEST;
}

/**
 * Begins a message about the one entry of `key` and returns the index of its last
 * `more` words, which the caller writes. It is written word by word and in one piece,
 * because thousands of entries may have to be removed. Throws TypeError if the key
 * might name another entry, or more than one.
 */
function name(
	w: Writer,
	type: number,
	seq: number,
	ack: boolean,
	{ family, reply, id, zone }: Key,
	more: number,
): number {
	const v4 = family === AF_INET;
	if (
		reply.length < (v4 ? V4_TUPLE : V6_TUPLE) - 1 ||
		!isPlain(reply, 0, v4) ||
		id >>> 0 !== id ||
		(zone !== undefined && (zone & 0xffff) !== zone)
	)
		throw new TypeError("a key that is not whole");
	const length = reply.length + (zone === undefined ? 6 : 8) + more;
	const start = w.take(length);
	const { words } = w;
	words[start] = 4 * length;
	words[start + 1] = pairWord(type, requestFlags(ack));
	words[start + 2] = seq;
	words[start + 3] = 0; // the kernel knows who sends
	words[start + 4] = be32(family << 24); // nfgenmsg, as in nfnl.ts
	words[start + 5] = pairWord(4 + 4 * reply.length, REPLY_HALF);
	words.set(reply, start + 6);
	const end = start + 6 + reply.length;
	if (zone === undefined) return end;
	words[end] = ZONE_WORD;
	words[end + 1] = pairWord(zone, 0);
	return end + 2;
}
