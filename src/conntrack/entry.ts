// Decodes a conntrack entry whole, if skip.ts has left it to a closer look. It judges
// nothing.

import {
	AF_INET,
	AF_INET6,
	type Family,
	formatIP,
	type IP,
	ipLength,
} from "../net/ip.ts";
import { attributesAt, NFGENMSG_LEN } from "../netlink/nfnl.ts";
import { align, be32, DecodeError, NLA_TYPE_MASK } from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import {
	CTA_IP_V4_DST,
	CTA_IP_V4_SRC,
	CTA_IP_V6_DST,
	CTA_IP_V6_SRC,
	CTA_PROTO_DST_PORT,
	CTA_PROTO_NUM,
	CTA_PROTO_SRC_PORT,
	CTA_TUPLE_IP,
	CTA_TUPLE_ORIG,
	CTA_TUPLE_PROTO,
	CTA_TUPLE_REPLY,
	CTA_TUPLE_ZONE,
	CTA_ZONE,
} from "./constants.ts";
import {
	ID_WORD,
	isPlain,
	STATUS_WORD,
	V4_TUPLE,
	V6_TUPLE,
	ZONE_WORD,
} from "./layout.ts";
import type { Key } from "./messages.ts";
import { protoBit } from "./skip.ts";

/** One direction of an entry; ports are 0 where the protocol has none. */
export interface Tuple {
	readonly src: IP;
	readonly dst: IP;
	readonly sport: number;
	readonly dport: number;
	/** The zone of this direction alone, if the entry has one. A zone of both is in the key. */
	readonly zone?: number | undefined;
}

/** The parts of an entry that its removal needs. */
export interface Target {
	readonly key: Key;
	readonly status: number;
}

export interface Entry extends Target {
	readonly family: Family;
	readonly proto: number;
	readonly orig: Tuple;
	readonly reply: Tuple;
}

/** Reads one entry. Throws DecodeError if an attribute is cut, or if a part is missing that every entry has. */
export function readEntry(b: RecvBuffer, m: Message): Entry {
	const { key, status } = readTarget(b, m);
	const { family } = key;
	const orig = readTuple(b, m, CTA_TUPLE_ORIG, family);
	const reply = readTuple(b, m, CTA_TUPLE_REPLY, family);
	const { proto } = orig;
	if (!reply.isPlain && protoBit(proto) !== 0)
		throw new DecodeError("entry with a reply tuple that is cut");
	return { family, proto, orig, reply, status, key };
}

/**
 * Reads what `readTarget` reads, of an entry in no zone that is known to have the
 * kernel's layout: its reply tuple begins at word `reply`, its status at word `status`.
 */
export function plainTarget(
	b: RecvBuffer,
	m: Message,
	family: Family,
	reply: number,
	status: number,
): Target {
	const { words, halves } = b;
	for (let at = status + 2; 4 * at + 8 <= m.end; ) {
		if (words[at] === ID_WORD) {
			const id = (words[at + 1] as number) >>> 0;
			const tuple = words.slice(reply + 1, status);
			const key = { family, reply: tuple, id, zone: undefined };
			return { key, status: be32(words[status + 1] as number) };
		}
		const size = halves[2 * at] as number;
		if (size < 4) break;
		at += (size + 3) >> 2;
	}
	// no id was found: `readTarget` throws an error that says what is wrong
	return readTarget(b, m);
}

/** Reads only what the removal of an entry needs. Throws DecodeError as `readEntry` does, except for tuples that are not whole. */
export function readTarget(b: RecvBuffer, m: Message): Target {
	const { words, halves } = b;
	const first = attributesAt(m);
	const family = b.bytes[first - NFGENMSG_LEN];
	if (family !== AF_INET && family !== AF_INET6)
		throw new DecodeError(`entry of family ${family}`);
	let reply: Int32Array | undefined;
	let id: number | undefined;
	let zone: number | undefined;
	let status = 0;
	// a loop over words and not `attributes`, because every entry that is removed comes here
	for (let at = first; m.end - at >= 4; ) {
		const word = at >> 2;
		const head = words[word];
		const size = halves[2 * word] ?? 0;
		if (size < 4 || at + size > m.end)
			throw new DecodeError(`attribute of ${size} bytes in ${m.end - at}`);
		if (head === STATUS_WORD) status = b.view.getUint32(at + 4);
		else if (head === ID_WORD) id = (words[word + 1] as number) >>> 0;
		else if (head === ZONE_WORD) zone = halves[2 * word + 2];
		else {
			const type = (halves[2 * word + 1] ?? 0) & NLA_TYPE_MASK;
			if (type === CTA_TUPLE_REPLY)
				reply = words.slice(word + 1, (at + size) >> 2);
			else if (type === CTA_ZONE)
				throw new DecodeError("entry with a zone that is cut");
		}
		at += align(size);
	}
	if (!reply || id === undefined)
		throw new DecodeError("entry without reply tuple or id");
	return { key: { family, reply, id, zone }, status };
}

type ProtoTuple = Tuple & {
	readonly proto: number;
	/** The tuple has the kernel's usual layout (layout.ts), and so is whole. */
	readonly isPlain: boolean;
};

/** Reads a tuple from the places of the usual layout or, if it has another one, attribute by attribute. */
function readTuple(
	b: RecvBuffer,
	m: Message,
	type: typeof CTA_TUPLE_ORIG | typeof CTA_TUPLE_REPLY,
	family: Family,
): ProtoTuple {
	const at = find(b, m, type);
	const from = at + 4;
	const to = at + (b.halves[at >> 1] ?? 0);
	const v4 = family === AF_INET;
	const first = from >> 2;
	const length = 4 * ((v4 ? V4_TUPLE : V6_TUPLE) - 1);
	const whole = to - from >= length && isPlain(b.words, first, v4);
	// a zone follows the usual parts
	if (!whole || to - from > length)
		return { ...readAnyTuple(b, from, to, family), isPlain: whole };
	const { bytes } = b;
	const sport = from + length - 12;
	const dport = from + length - 4;
	return {
		src: b.ip(first + 2, family),
		dst: b.ip(first + (v4 ? 4 : 7), family),
		sport: 256 * (bytes[sport] as number) + (bytes[sport + 1] as number),
		dport: 256 * (bytes[dport] as number) + (bytes[dport + 1] as number),
		proto: bytes[sport - 8] as number,
		isPlain: true,
	};
}

/** Returns the offset of the last attribute of the type. `readTarget` has checked the lengths. Throws DecodeError if there is none. */
function find({ halves }: RecvBuffer, m: Message, type: number): number {
	let found: number | undefined;
	for (let at = attributesAt(m); m.end - at >= 4; ) {
		if (((halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK) === type) found = at;
		at += align(halves[at >> 1] ?? 4);
	}
	if (found === undefined) throw new DecodeError("entry without its tuples");
	return found;
}

function readAnyTuple(
	b: RecvBuffer,
	from: number,
	to: number,
	family: Family,
): Omit<ProtoTuple, "isPlain"> {
	let src: IP | undefined;
	let dst: IP | undefined;
	let proto: number | undefined;
	let sport = 0;
	let dport = 0;
	let zone: number | undefined;
	attributes(b, from, to, (nest, at, n) => {
		if (nest === CTA_TUPLE_IP) {
			attributes(b, at, at + n, (type, ip, size) => {
				if (size !== ipLength(family)) return;
				if (type === CTA_IP_V4_SRC || type === CTA_IP_V6_SRC)
					src = formatIP(b.bytes, ip, family);
				else if (type === CTA_IP_V4_DST || type === CTA_IP_V6_DST)
					dst = formatIP(b.bytes, ip, family);
			});
		} else if (nest === CTA_TUPLE_PROTO) {
			attributes(b, at, at + n, (type, value, size) => {
				if (type === CTA_PROTO_NUM && size === 1) proto = b.bytes[value];
				else if (type === CTA_PROTO_SRC_PORT && size === 2)
					sport = b.view.getUint16(value);
				else if (type === CTA_PROTO_DST_PORT && size === 2)
					dport = b.view.getUint16(value);
			});
		} else if (nest === CTA_TUPLE_ZONE && n === 2) zone = b.view.getUint16(at);
	});
	if (src === undefined || dst === undefined || proto === undefined)
		throw new DecodeError("tuple without addresses or protocol");
	return { src, dst, sport, dport, proto, zone };
}
