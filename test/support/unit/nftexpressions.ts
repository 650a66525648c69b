// Expressions of nf_tables in bytes, as the kernel dumps them, and rules made of them. They
// are encoded apart from the decoder, so that a fault there cannot hide itself.

import { attr, be32, concat, message, nest, nfgenmsg, u8 } from "../entries.ts";

export const zeroEnded = (text: string): Uint8Array =>
	concat(
		Uint8Array.from(text, (c) => c.charCodeAt(0)),
		u8(0),
	);

/** A number is a be32, bytes are as they are. */
type Field = number | Uint8Array;

/** Returns an expression; its attributes are given by type. */
export function expressionOf(
	name: string,
	fields: Readonly<Record<number, Field>> = {},
): Uint8Array {
	const data = Object.entries(fields).map(([type, field]) =>
		attr(Number(type), typeof field === "number" ? be32(field) : field),
	);
	return nest(1, attr(1, zeroEnded(name)), nest(2, ...data));
}

/** The content of an attribute of data: NFTA_DATA_VALUE. */
export const dataOf = (bytes: Uint8Array): Uint8Array => attr(1, bytes);

/** The content of an attribute of data: NFTA_DATA_VERDICT. */
export const verdictOf = (code: number, chain?: string): Uint8Array =>
	nest(
		2,
		attr(1, be32(code >>> 0)),
		...(chain === undefined ? [] : [attr(2, zeroEnded(chain))]),
	);

/** Loads so many bytes of the network header (1) or the transport header (2) into NFT_REG_1. */
export const payloadOf = (
	base: number,
	offset: number,
	length: number,
): Uint8Array =>
	expressionOf("payload", { 1: 1, 2: base, 3: offset, 4: length });

/** Compares NFT_REG_1. */
export const compareOf = (op: number, bytes: Uint8Array): Uint8Array =>
	expressionOf("cmp", { 1: 1, 2: op, 3: dataOf(bytes) });

/** Returns the message of a rule in chain `c` of table `t`, with the handle 7. */
export function ruleOf(
	family: number,
	...expressions: readonly Uint8Array[]
): Uint8Array {
	return message(
		{ type: 0x0a06, seq: 1 },
		nfgenmsg(family),
		attr(1, zeroEnded("t")),
		attr(2, zeroEnded("c")),
		attr(3, be32(0), be32(7)),
		nest(4, ...expressions),
	);
}
