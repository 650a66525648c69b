// The message that makes an entry over ctnetlink, written without src/netlink.

import { ipBytes } from "../../src/net/ip.ts";
import {
	attr,
	be16,
	be32,
	type EntrySpec,
	message,
	nest,
	nfgenmsg,
	protoNumber,
	STATUS,
	tuple,
	tupleBytes,
	u8,
} from "../support/entries.ts";

/** An entry to be made. */
export interface Made extends EntrySpec {
	readonly mark?: number;
	/** Seconds. */
	readonly timeout?: number;
	/** `10.88.0.2:5353`: NAT in the kernel, which then derives the reply and sets the bits. */
	readonly dnat?: string;
	readonly snat?: string;
}

/** IPCTNL_MSG_CT_NEW with REQUEST|EXCL|CREATE, and ACK if an answer to success is wanted too. */
export function creation(spec: Made, seq = 1, ack = true): Uint8Array {
	const orig = tuple(spec.orig);
	const { src, dst, sport, dport } = orig;
	const reply =
		spec.reply === undefined
			? { src: dst, dst: src, sport: dport, dport: sport }
			: tuple(spec.reply);
	const proto = protoNumber(spec.proto);
	const bits = (spec.status ?? []).reduce<number>(
		(sum, bit) => sum | STATUS[bit],
		STATUS.CONFIRMED,
	);
	return message(
		{ type: 0x0100, flags: ack ? 0x0605 : 0x0601, seq },
		nfgenmsg(src.includes(":") ? 10 : 2),
		nest(1, tupleBytes(orig, proto, spec.origZone)),
		nest(2, tupleBytes(reply, proto, spec.replyZone)),
		...(spec.zone === undefined ? [] : [attr(18, be16(spec.zone))]),
		attr(3, be32(bits)),
		attr(7, be32(spec.timeout ?? 900)),
		...(spec.mark === undefined ? [] : [attr(8, be32(spec.mark))]),
		// CTA_PROTOINFO { CTA_PROTOINFO_TCP { STATE ESTABLISHED } }
		...(proto === 6 ? [nest(4, nest(1, attr(1, u8(3))))] : []),
		...(spec.dnat === undefined ? [] : [nat(13, spec.dnat)]),
		...(spec.snat === undefined ? [] : [nat(6, spec.snat)]),
	);
}

/** CTA_NAT_DST or CTA_NAT_SRC: one address, one port. */
function nat(type: number, target: string): Uint8Array {
	const { src, sport } = tuple(`${target} > ${target}`);
	const ip = ipBytes(src);
	const [min, max] = ip.length === 4 ? [1, 2] : [4, 5];
	return nest(
		type,
		attr(min, ip),
		attr(max, ip),
		nest(3, attr(1, be16(sport)), attr(2, be16(sport))),
	);
}
