// Entries by seed, as the kernel lays them out and otherwise.

import { ipBytes } from "../../../src/net/ip.ts";
import {
	attr,
	be16,
	be32,
	concat,
	type EntrySpec,
	entryAttrs,
	entryMessage,
	message,
	nest,
	nfgenmsg,
	protoNumber,
	tuple,
	u8,
	u32,
} from "../entries.ts";
import type { Random } from "../random.ts";

/** Ports that are likely to be asked for, and their neighbours. */
export const PORTS = [0, 53, 8125, 0x1fbd ^ 0xffff, 65535, 22, 0x3500];
const PROTOS = [
	"udp",
	"udp",
	"tcp",
	"sctp",
	"icmp",
	"icmpv6",
	"udplite",
	47,
	99,
];

/** Returns any entry: of either family and of some protocols, in zones and not. */
export function randomSpec(r: Random): EntrySpec {
	const [a, b, c] = r.chance(0.5)
		? ["192.0.2.7", "203.0.113.1", "10.88.0.2"]
		: ["[fd07::7]", "[fd03::1]", "[fd88::2]"];
	const port = (): number => r.pick(PORTS);
	return {
		proto: r.pick(PROTOS),
		orig: `${a}:${port()} > ${b}:${port()}`,
		reply: `${c}:${port()} > ${a}:${port()}`,
		id: r.below(2 ** 31),
		...(r.chance(0.2) && { zone: r.below(65536) }),
		...(r.chance(0.2) && { origZone: r.below(65536) }),
		...(r.chance(0.2) && { replyZone: r.below(65536) }),
		...(r.chance(0.3) && {
			extra: [attr(40 + r.below(60), r.bytes(r.below(40)))],
		}),
	};
}

/** A tuple of the right parts in any order, with unknown attributes among them. */
function shuffledTuple(
	r: Random,
	type: number,
	text: string,
	proto: number,
): Uint8Array {
	const { src, dst, sport, dport } = tuple(text);
	const six = src.includes(":") ? 2 : 0;
	const some = (...parts: Uint8Array[]) =>
		r.shuffled([...parts, ...(r.chance(0.2) ? [attr(9, be32(7))] : [])]);
	const ips = nest(
		1,
		...some(attr(1 + six, ipBytes(src)), attr(2 + six, ipBytes(dst))),
	);
	const ports = nest(
		2,
		...some(attr(1, u8(proto)), attr(2, be16(sport)), attr(3, be16(dport))),
	);
	return nest(type, ...(r.chance(0.2) ? [ports, ips] : [ips, ports]));
}

/** Returns the message of any entry. A wild one may have another order than the kernel's, unknown attributes, cuts and missing parts. */
export function randomEntry(r: Random, seq: number, wild: boolean): Uint8Array {
	const spec = randomSpec(r);
	if (!wild || r.chance(0.5)) return entryMessage(spec, seq);
	const attrs = entryAttrs(spec);
	const family = nfgenmsg(spec.orig.startsWith("[") ? 10 : 2);
	const head = { type: 0x0100, flags: 2, seq };
	switch (r.below(5)) {
		case 0: {
			// another order; see below for the reply first
			const [first, ...rest] = r.shuffled(attrs.filter((a) => a !== attrs[1]));
			const others = r.shuffled([attrs[1] ?? u32(0), ...rest]);
			return message(head, family, first ?? u32(0), ...others);
		}
		case 1: // unknown ones anywhere
			return message(
				head,
				family,
				...attrs.flatMap((a) => [attr(99, r.bytes(r.below(9))), a]),
			);
		case 2: {
			// another order inside of the original tuple
			const shuffled = shuffledTuple(r, 1, spec.orig, protoNumber(spec.proto));
			return message(head, family, shuffled, ...attrs.slice(1));
		}
		case 3: // cut
			return message(head, concat(family, ...attrs).subarray(0, r.below(200)));
		default: // some are missing
			return message(head, family, ...attrs.filter(() => r.chance(0.7)));
	}
}
