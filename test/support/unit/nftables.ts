// The kernel's nf_tables in memory: chains, rules and maps as dumps show them, for tests
// of what reads them. The rules are written byte by byte, as nft would ask for them.

import { ipBytes } from "../../../src/net/ip.ts";
import type { ChainID } from "../../../src/rules/model.ts";
import {
	attr,
	be16,
	be32,
	concat,
	doneMessage,
	errorMessage,
	message,
	nest,
	nfgenmsg,
} from "../entries.ts";
import { attributesOf, type Reply, type Request } from "../fakekernel.ts";

/** An element that leads a port to a pod. */
export interface TestElement {
	readonly hostIP: string;
	readonly dport: number;
	readonly ip: string;
	readonly port: number;
}

export interface TestChain {
	readonly family: number;
	readonly table: string;
	readonly chain: string;
	/** The number of the hook, if the kernel itself calls the chain. */
	readonly hook?: number;
	readonly priority?: number;
	/** The expressions of each rule. Handles are counted from 1. */
	readonly rules: readonly Uint8Array[];
	/** The maps of its table. */
	readonly maps?: Readonly<Record<string, readonly TestElement[]>>;
}

/** How the answers differ from those of a sound kernel. */
export interface Trouble {
	/** The first dump of this type is interrupted when it has given all. */
	readonly interrupt?: number;
	/** Every request of this type is refused. */
	readonly refuse?: { readonly type: number; readonly errno: number };
	/** Returns the generation at each request for it. */
	readonly generation?: () => number;
}

/** Returns an answer to requests of nf_tables. */
export function answerRules(
	chains: readonly TestChain[],
	{ interrupt, refuse, generation = () => 1 }: Trouble = {},
): (r: Request) => Reply[] | undefined {
	return (r) => {
		if (r.protocol !== 12 || r.type >> 8 !== 0x0a) return undefined;
		if (refuse?.type === r.type) return [errorMessage(refuse.errno, r.seq)];
		if (r.type === 0x0a10) {
			const id = attr(1, be32(generation()));
			return [message({ type: 0x0a0f, seq: r.seq }, nfgenmsg(0), id)];
		}
		const found = answersTo(r, chains);
		return r.type === interrupt && r.nth === 0
			? [...found, "ENOBUFS"]
			: [...found, doneMessage(r.seq)];
	};
}

function answersTo(r: Request, chains: readonly TestChain[]): Uint8Array[] {
	const asked = attributesOf(r.payload.subarray(4));
	const table = textOf(asked.get(1));
	const name = textOf(asked.get(2));
	const isAll = !asked.has(1);
	const own = chains.filter(
		(c) => isAll || (c.table === table && c.family === r.payload[0]),
	);
	switch (r.type) {
		case 0x0a04:
			return chains.map((c) => chainMessage(c, r.seq));
		case 0x0a07:
			return own
				.filter((c) => isAll || c.chain === name)
				.flatMap((c) =>
					c.rules.map((rule, i) => ruleMessage(c, i + 1, rule, r.seq)),
				);
		case 0x0a0d:
			return own.flatMap((c) =>
				(c.maps?.[name] ?? []).map((e) =>
					message(
						{ type: 0x0a0c, seq: r.seq },
						nfgenmsg(c.family),
						nest(3, elementOf(c, name, e)),
					),
				),
			);
		default:
			throw new Error(`unexpected request ${r.type}`);
	}
}

function chainMessage(c: TestChain, seq: number): Uint8Array {
	return message(
		{ type: 0x0a03, seq },
		nfgenmsg(c.family),
		attr(1, text(c.table)),
		attr(2, be32(0), be32(1)),
		attr(3, text(c.chain)),
		...(c.hook === undefined
			? []
			: [
					nest(4, attr(1, be32(c.hook)), attr(2, be32(c.priority ?? -100))),
					attr(5, be32(1)),
					attr(7, text("nat")),
				]),
	);
}

function ruleMessage(
	c: TestChain,
	handle: number,
	rule: Uint8Array,
	seq: number,
): Uint8Array {
	return message(
		{ type: 0x0a06, seq },
		nfgenmsg(c.family),
		attr(1, text(c.table)),
		attr(2, text(c.chain)),
		attr(3, be32(0), be32(handle)),
		nest(4, rule),
	);
}

/** The key has the hostIP if a rule of the chain looks it up so. */
function elementOf(c: TestChain, map: string, e: TestElement): Uint8Array {
	const hasIP = c.rules.some((rule) => same(rule, dnatByMap(map, true)));
	const key = concat(
		...(hasIP ? [ipBytes(e.hostIP)] : []),
		Uint8Array.of(17, 0, 0, 0),
		be16(e.dport),
		be16(0),
	);
	const data = concat(ipBytes(e.ip), be16(e.port), be16(0));
	return nest(1, nest(1, attr(1, key)), nest(2, attr(1, data)));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
	return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function expression(name: string, ...data: Uint8Array[]): Uint8Array {
	return nest(1, attr(1, text(name)), nest(2, ...data));
}

function payload(
	to: number,
	base: number,
	offset: number,
	length: number,
): Uint8Array {
	return expression(
		"payload",
		...[to, base, offset, length].map((n, i) => attr(i + 1, be32(n))),
	);
}

/** `udp dport PORT dnat to IP:PORT`, without the protocol */
export function dnat(dport: number, ip: string, port: number): Uint8Array {
	const compare = [
		payload(1, 2, 2, 2),
		expression(
			"cmp",
			attr(1, be32(1)),
			attr(2, be32(0)),
			nest(3, attr(1, be16(dport))),
		),
	];
	return concat(
		...compare,
		constant(1, ipBytes(ip)),
		constant(2, be16(port)),
		nat(ip.includes(":") ? 10 : 2, 1, 2),
	);
}

function constant(to: number, bytes: Uint8Array): Uint8Array {
	return expression("immediate", attr(1, be32(to)), nest(2, attr(1, bytes)));
}

function nat(family: number, address: number, port: number): Uint8Array {
	return expression(
		"nat",
		...[1, family, address, address, port, port].map((n, i) =>
			attr(i + 1, be32(n)),
		),
	);
}

/** `dnat ip addr . port to (ip daddr .) meta l4proto . th dport map @NAME` */
export function dnatByMap(map: string, hasIP: boolean): Uint8Array {
	// registers of 4 bytes begin at 8
	const first = hasIP ? 9 : 8;
	return concat(
		...(hasIP ? [payload(8, 1, 16, 4)] : []),
		expression("meta", attr(1, be32(first)), attr(2, be32(16))),
		payload(first + 1, 2, 2, 2),
		expression(
			"lookup",
			attr(1, text(map)),
			attr(2, be32(8)),
			attr(3, be32(8)),
		),
		nat(2, 8, 9),
	);
}

/** `jump CHAIN` */
export function jump(chain: string): Uint8Array {
	const verdict = nest(2, attr(1, be32(-3)), attr(2, text(chain)));
	return expression("immediate", attr(1, be32(0)), nest(2, verdict));
}

/** Returns the chain that a rule's message names. */
export function chainOf(bytes: Uint8Array): ChainID {
	const found = attributesOf(bytes.subarray(20));
	return {
		backend: "nft",
		family: bytes[16] ?? 0,
		table: textOf(found.get(1)),
		chain: textOf(found.get(2)),
	};
}

function text(name: string): Uint8Array {
	return Uint8Array.from([...`${name}\0`].map((c) => c.charCodeAt(0)));
}

function textOf(bytes: Uint8Array = new Uint8Array()): string {
	return String.fromCharCode(...bytes).replace(/\0.*$/s, "");
}
