// The layout that ctnetlink_dump_tuples gives a tuple, in every kernel so far: the
// headers of its attributes as words of a buffer. An entry may have another layout;
// entry.ts can read that too.

import { NLA_F_NESTED, pairWord } from "../netlink/nl.ts";
import {
	CTA_ID,
	CTA_IP_V4_DST,
	CTA_IP_V4_SRC,
	CTA_IP_V6_DST,
	CTA_IP_V6_SRC,
	CTA_PROTO_DST_PORT,
	CTA_PROTO_NUM,
	CTA_PROTO_SRC_PORT,
	CTA_STATUS,
	CTA_TIMEOUT,
	CTA_TUPLE_IP,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	CTA_TUPLE_REPLY,
	CTA_ZONE,
} from "./constants.ts";

export const V4_SRC_WORD = pairWord(8, CTA_IP_V4_SRC);
export const V6_SRC_WORD = pairWord(20, CTA_IP_V6_SRC);
/** The words of a whole tuple with its header. */
export const V4_TUPLE = 13;
export const V6_TUPLE = 19;
/** The types of an entry's first attribute and of its second; both are nests. */
export const ORIG_HALF = NLA_F_NESTED | CTA_TUPLE_ORIG;
export const REPLY_HALF = NLA_F_NESTED | CTA_TUPLE_REPLY;
export const V4_ORIG_WORD = pairWord(4 * V4_TUPLE, ORIG_HALF);
export const V6_ORIG_WORD = pairWord(4 * V6_TUPLE, ORIG_HALF);
export const V4_REPLY_WORD = pairWord(4 * V4_TUPLE, REPLY_HALF);
export const V6_REPLY_WORD = pairWord(4 * V6_TUPLE, REPLY_HALF);
export const V4_NEST_WORD = pairWord(20, NLA_F_NESTED | CTA_TUPLE_IP);
export const V6_NEST_WORD = pairWord(44, NLA_F_NESTED | CTA_TUPLE_IP);
export const PROTO_NEST_WORD = pairWord(28, NLA_F_NESTED | CTA_TUPLE_PROTO);
export const STATUS_WORD = pairWord(8, CTA_STATUS);
export const TIMEOUT_WORD = pairWord(8, CTA_TIMEOUT);
export const ID_WORD = pairWord(8, CTA_ID);
export const ZONE_WORD = pairWord(6, CTA_ZONE);
export const V4_DST_WORD = pairWord(8, CTA_IP_V4_DST);
export const V6_DST_WORD = pairWord(20, CTA_IP_V6_DST);
export const SRC_PORT_WORD = pairWord(6, CTA_PROTO_SRC_PORT);
export const PROTO_NUM_WORD = pairWord(5, CTA_PROTO_NUM);
export const DST_PORT_WORD = pairWord(6, CTA_PROTO_DST_PORT);

/** Returns true if a tuple with ports and the kernel's layout stands at `word`, which is the word after the tuple's own header. */
export function isPlain(words: Int32Array, word: number, v4: boolean): boolean {
	return v4
		? words[word] === V4_NEST_WORD &&
				words[word + 1] === V4_SRC_WORD &&
				words[word + 3] === V4_DST_WORD &&
				words[word + 5] === PROTO_NEST_WORD &&
				words[word + 6] === PROTO_NUM_WORD &&
				words[word + 8] === SRC_PORT_WORD &&
				words[word + 10] === DST_PORT_WORD
		: words[word] === V6_NEST_WORD &&
				words[word + 1] === V6_SRC_WORD &&
				words[word + 6] === V6_DST_WORD &&
				words[word + 11] === PROTO_NEST_WORD &&
				words[word + 12] === PROTO_NUM_WORD &&
				words[word + 14] === SRC_PORT_WORD &&
				words[word + 16] === DST_PORT_WORD;
}
