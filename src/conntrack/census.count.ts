// Notes the entries of one datagram for a census: those of the kernel's usual layout in a
// loop that works on words, as skip.ts does, and others attribute by attribute.

import { AF_INET, AF_INET6 } from "../net/ip.ts";
import { IPPROTO_TCP } from "../net/proto.ts";
import { attributesAt, NFGENMSG_LEN } from "../netlink/nfnl.ts";
import {
	DecodeError,
	NLA_F_NESTED,
	NLA_TYPE_MASK,
	pairWord,
} from "../netlink/nl.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";
import {
	BEGAN,
	CAME,
	type Census,
	COLUMNS,
	LEADS,
	NO_STATE,
	STATES_EACH,
} from "./census.ts";
import {
	CTA_IP_V4_DST,
	CTA_IP_V4_SRC,
	CTA_IP_V6_DST,
	CTA_IP_V6_SRC,
	CTA_PROTO_DST_PORT,
	CTA_PROTO_NUM,
	CTA_STATUS,
	CTA_TUPLE_IP,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	CTA_TUPLE_REPLY,
	IPCTNL_MSG_CT_NEW,
	IPS_ASSURED,
	IPS_SEEN_REPLY,
} from "./constants.ts";
import {
	CTA_PROTOINFO,
	CTA_PROTOINFO_TCP,
	CTA_PROTOINFO_TCP_STATE,
} from "./detail.ts";
import {
	DST_PORT_WORD,
	PROTO_NUM_WORD,
	STATUS_WORD,
	V4_ORIG_WORD,
	V4_REPLY_WORD,
	V4_SRC_WORD,
	V6_ORIG_WORD,
	V6_REPLY_WORD,
	V6_SRC_WORD,
	ZONE_WORD,
} from "./layout.ts";

const NLM_F_MULTI = 2;
const ENTRY_WORD = pairWord(IPCTNL_MSG_CT_NEW, NLM_F_MULTI);
const STATE_WORD = pairWord(5, CTA_PROTOINFO_TCP_STATE);
/** The nest of TCP holds the state, two scales of windows and two sets of flags (tcp_to_nlattr). */
const TCP_WORD = pairWord(44, NLA_F_NESTED | CTA_PROTOINFO_TCP);
/** The words from a status to a state that is looked for at the same place in the next entry. More could be another entry's, where this one has none. */
const NEAR = 24;
/** An entry whose status stands where `meetPlain` looks for it is at least so long, in a zone too. */
const V4_BYTES = 140;
const V6_BYTES = 188;

/** Returns the state of an entry that is none of TCP, in STATES, by the last byte of its status. */
function stateOf(bits: number): number {
	return bits & IPS_ASSURED ? 2 : (bits & IPS_SEEN_REPLY) >> 1;
}

/**
 * Notes the entries of a datagram of a dump, from offset `at` on. Returns the offset of
 * the first message that needs a closer look, or the offset after the last. It runs for
 * every entry of a node: see `skipOthers`, whose reasons for `var`, `as` and fixed places
 * are the same. Sequence numbers are compared only in the closer look, because a socket
 * has one dump.
 */
export function meetPlain(
	b: RecvBuffer,
	at: number,
	length: number,
	census: Census,
): number {
	var { bytes, halves, words } = b;
	var { protos, states, stateAt } = census;
	var { n4, n6, v4, v6 } = census.met;
	var entryWord = ENTRY_WORD;
	var v4Word = V4_ORIG_WORD;
	var v6Word = V6_ORIG_WORD;
	var v4Reply = V4_REPLY_WORD;
	var v6Reply = V6_REPLY_WORD;
	var srcWord = V4_SRC_WORD;
	var portWord = DST_PORT_WORD;
	var numberWord = PROTO_NUM_WORD;
	var statusWord = STATUS_WORD;
	var stateWord = STATE_WORD;
	var tcpWord = TCP_WORD;
	var tcp = IPPROTO_TCP;
	var end = length >> 2;
	var i = at >> 2;
	var size = 0;
	var port = 0;
	var came = 0;
	var leads = 0;
	var status = 0;
	var proto = 0;
	var state = 0;
	var isV4 = true;
	var rows = v4;
	var row = 0;
	var read = census.read;
	while (i < end) {
		size = words[i] as number;
		if (size < V4_BYTES || size > length || words[i + 1] !== entryWord) break;
		if (words[i + 5] === v4Word) {
			if (words[i + 7] !== srcWord || words[i + 18] !== v4Reply) break;
			isV4 = true;
			came = i + 10;
			port = i + 17;
			leads = i + 21;
			status = i + 31;
		} else {
			if (
				size < V6_BYTES ||
				words[i + 5] !== v6Word ||
				words[i + 7] !== V6_SRC_WORD ||
				words[i + 24] !== v6Reply
			)
				break;
			isV4 = false;
			came = i + 13;
			port = i + 23;
			leads = i + 27;
			status = i + 43;
		}
		if (words[port - 1] !== portWord || words[port - 5] !== numberWord) break;
		if (words[status] !== statusWord) {
			if (words[status] !== ZONE_WORD) break;
			status += 2;
			if (words[status] !== statusWord) break;
		}
		proto = bytes[4 * port - 16] as number;
		if (protos === undefined || protos[proto] === 1) {
			if (proto !== tcp) state = stateOf(bytes[4 * status + 7] as number);
			else {
				at = status + stateAt;
				if (words[at - 1] !== stateWord || words[at - 2] !== tcpWord) {
					at = stateIn(b, status, 4 * i + size);
					if (at > status && at <= status + NEAR) stateAt = at - status;
				}
				state = stateOfTCP(b, at);
			}
			state += STATES_EACH * proto;
			states[state] = (states[state] as number) + 1;
			if (isV4) {
				rows = v4;
				row = COLUMNS * n4++;
			} else {
				rows = v6;
				row = COLUMNS * n6++;
			}
			rows[row] = i + 8;
			rows[row + 2] = came;
			rows[row + 3] = (proto << 16) | (halves[2 * port] as number);
			rows[row + 4] = leads;
		}
		i += (size + 3) >> 2;
		read++;
	}
	census.read = read;
	census.stateAt = stateAt;
	census.met.n4 = n4;
	census.met.n6 = n6;
	if (i > end && 4 * i > length + 3)
		throw new DecodeError("an entry beyond the end of its datagram");
	return 4 * i;
}

/** Returns the word of an entry's state of TCP, in its attributes from word `from` to offset `end`; NOWHERE if it has none. */
function stateIn(b: RecvBuffer, from: number, end: number): number {
	const info = find(b, from, end, CTA_PROTOINFO);
	const tcp = findIn(b, info, CTA_PROTOINFO_TCP);
	const state = findIn(b, tcp, CTA_PROTOINFO_TCP_STATE, 1);
	return state === NOWHERE ? NOWHERE : state + 1;
}

/** Returns the state at a word that `stateIn` found. The kernel has fewer than 16. */
function stateOfTCP({ bytes }: RecvBuffer, at: number): number {
	return at === NOWHERE ? NO_STATE : (bytes[4 * at] as number) & 15;
}

/** Notes an entry of any layout, one of ICMP for example. One that lacks a part counts as undecodable. */
export function meetAny(b: RecvBuffer, m: Message, census: Census): void {
	census.read++;
	const { bytes, halves } = b;
	const from = attributesAt(m);
	const first = from >> 2;
	const family = bytes[from - NFGENMSG_LEN];
	const v4 = family === AF_INET;
	const [src, dst] = v4
		? [CTA_IP_V4_SRC, CTA_IP_V4_DST]
		: [CTA_IP_V6_SRC, CTA_IP_V6_DST];
	const length = v4 ? 4 : 16;
	const orig = find(b, first, m.end, CTA_TUPLE_ORIG);
	const reply = find(b, first, m.end, CTA_TUPLE_REPLY);
	const ends = findIn(b, orig, CTA_TUPLE_IP);
	const began = findIn(b, ends, src, length);
	const came = findIn(b, ends, dst, length);
	const back = findIn(b, findIn(b, reply, CTA_TUPLE_IP), src, length);
	const parts = findIn(b, orig, CTA_TUPLE_PROTO);
	const number = findIn(b, parts, CTA_PROTO_NUM, 1);
	if (
		(!v4 && family !== AF_INET6) ||
		[began, came, back, number].includes(NOWHERE)
	) {
		census.undecodable++;
		return;
	}
	const proto = bytes[4 * number + 4] as number;
	if (census.protos !== undefined && census.protos[proto] !== 1) return;
	const port = findIn(b, parts, CTA_PROTO_DST_PORT, 2);
	const status = find(b, first, m.end, CTA_STATUS, 4);
	const bits = status === NOWHERE ? 0 : (bytes[4 * status + 7] as number);
	const state =
		proto === IPPROTO_TCP
			? stateOfTCP(b, stateIn(b, first, m.end))
			: stateOf(bits);
	const place = STATES_EACH * proto + state;
	census.states[place] = (census.states[place] as number) + 1;
	const { met } = census;
	const row = COLUMNS * (v4 ? met.n4++ : met.n6++);
	const rows = v4 ? met.v4 : met.v6;
	const half = port === NOWHERE ? 0 : (halves[2 * port + 2] as number);
	rows[row + BEGAN] = began + 1;
	rows[row + CAME] = came + 1;
	rows[row + CAME + 1] = (proto << 16) | half;
	rows[row + LEADS] = back + 1;
}

const NOWHERE = -1;

/** Returns the word of an attribute between the word `from` and the offset `end`; NOWHERE if there is none of this payload's length. */
function find(
	{ halves }: RecvBuffer,
	from: number,
	end: number,
	type: number,
	length?: number,
): number {
	for (let at = from; 4 * at + 4 <= end; ) {
		const size = halves[2 * at] as number;
		if (size < 4 || 4 * at + size > end) return NOWHERE;
		const isIt = ((halves[2 * at + 1] as number) & NLA_TYPE_MASK) === type;
		if (isIt && (length === undefined || size === length + 4)) return at;
		at += (size + 3) >> 2;
	}
	return NOWHERE;
}

/** Answers as `find`, for an attribute in the nest at word `nest`. */
function findIn(
	b: RecvBuffer,
	nest: number,
	type: number,
	length?: number,
): number {
	if (nest === NOWHERE) return NOWHERE;
	const end = 4 * nest + (b.halves[2 * nest] as number);
	return find(b, nest + 1, end, type, length);
}
