// nat rules of nf_tables for the kernel in memory, each from a line such as
// `udp 203.0.113.1:8125 > 10.88.0.2:5353 netavark`. It encodes on its own, so that a fault
// of the decoder cannot hide itself. It has no sets, and no chains beside the base chains.

import { ipBytes } from "../../src/net/ip.ts";
import {
	attr,
	be16,
	be32,
	concat,
	message,
	nest,
	nfgenmsg,
	protoNumber,
	u8,
	u32,
} from "./entries.ts";

/** The rules of a kernel in memory. A test that changes them raises the generation, as the kernel does. */
export interface NatRuleset {
	generation: number;
	lines: readonly string[];
}

/**
 * Returns the rules of these lines. A line is
 * `[CLIENT | on INTERFACE] PROTO FRONTEND > TARGET [ENGINE]`. The frontend `local:PORT`
 * is every address of the node, `local6:PORT` those of IPv6. The target is an endpoint,
 * `:PORT` for a port of the node itself, `drop`, or `?` for what is not understood. Rules
 * stand in the tables of their engines, and the engine that is named first comes first.
 */
export function natRules(...lines: readonly string[]): NatRuleset {
	return { generation: 1, lines };
}

/** The tables of the engines that a line may name. */
export const RULE_TABLES: Readonly<Record<string, string>> = {
	portmap: "cni_hostport",
	netavark: "netavark",
	docker: "docker-bridges",
	"cri-o": "crio-hostports",
	incus: "incus",
	"kube-proxy": "kube-proxy",
	firewalld: "firewalld",
	hand: "mine",
};

interface Line {
	readonly client: string | undefined;
	readonly iface: string | undefined;
	readonly proto: number;
	/** Undefined for every address of the node. */
	readonly address: string | undefined;
	readonly port: number;
	readonly target: string;
	readonly table: string;
	readonly family: number;
	readonly handle: number;
}

const LINE =
	/^(?:on (\S+) |(\d+\.\d+\.\d+\.\d+|[0-9a-f]*:[0-9a-f:]*) )?(udp|tcp|sctp) (\S+):(\d+) > (\S+)(?: (\S+))?$/;

function parse(text: string, i: number): Line {
	const [, iface, client, proto, address = "", port, target = "", engine] =
		LINE.exec(text) ?? [];
	const table = RULE_TABLES[engine ?? "portmap"];
	if (proto === undefined || table === undefined)
		throw new Error(`not a rule: ${text}`);
	const isV6 = address.startsWith("[") || address === "local6";
	return {
		client,
		iface,
		proto: protoNumber(proto),
		address: address.startsWith("local")
			? undefined
			: address.replace(/[[\]]/g, ""),
		port: Number(port),
		target,
		table,
		family: isV6 ? 10 : 2,
		handle: i + 1,
	};
}

// linux/netfilter/nf_tables.h
const NEWCHAIN = 0x0a03;
const NEWRULE = 0x0a06;
const NEWGEN = 0x0a0f;
/** Hook numbers and names of the base chains. */
const HOOKS = { prerouting: 0, output: 3 } as const;
const text = (s: string): Uint8Array =>
	Uint8Array.from(`${s}\0`, (c) => c.charCodeAt(0));
const expression = (name: string, ...data: readonly Uint8Array[]): Uint8Array =>
	nest(1, attr(1, text(name)), nest(2, ...data));
const equals = (...value: readonly Uint8Array[]): Uint8Array =>
	expression(
		"cmp",
		attr(1, be32(1)),
		attr(2, be32(0)),
		nest(3, attr(1, ...value)),
	);
const payload = (base: number, offset: number, length: number): Uint8Array =>
	expression(
		"payload",
		...[1, base, offset, length].map((n, i) => attr(i + 1, be32(n))),
	);
const constant = (register: number, value: Uint8Array): Uint8Array =>
	expression("immediate", attr(1, be32(register)), nest(2, attr(1, value)));
const verdict = (code: number): Uint8Array =>
	expression(
		"immediate",
		attr(1, be32(0)),
		nest(2, nest(2, attr(1, be32(code)))),
	);

/** Returns the message with the generation. */
export function generationMessage(
	{ generation }: NatRuleset,
	seq: number,
): Uint8Array {
	return message({ type: NEWGEN, seq }, nfgenmsg(0), attr(1, be32(generation)));
}

/** Returns the messages of all chains, base chains all of them. */
export function chainMessages(
	{ lines }: NatRuleset,
	seq: number,
): Uint8Array[] {
	const all = lines.map(parse);
	const tables = [...new Set(all.map(({ table }) => table))];
	return tables.flatMap((table, i) =>
		[2, 10]
			.filter((f) => all.some((l) => l.table === table && l.family === f))
			.flatMap((family) =>
				Object.entries(HOOKS).map(([name, hook]) =>
					message(
						{ type: NEWCHAIN, flags: 2, seq },
						nfgenmsg(family),
						attr(1, text(table)),
						attr(3, text(name)),
						nest(4, attr(1, be32(hook)), attr(2, be32(2 ** 32 - 100 + i))),
						attr(5, be32(1)),
						attr(7, text("nat")),
					),
				),
			),
	);
}

/** Returns the messages of the rules of one chain, as a request names it. */
export function ruleMessages(
	{ lines }: NatRuleset,
	seq: number,
	family: number,
	table: Uint8Array,
	chain: Uint8Array,
): Uint8Array[] {
	return lines
		.map(parse)
		.filter((l) => l.family === family && `${text(l.table)}` === `${table}`)
		.map((l) =>
			message(
				{ type: NEWRULE, flags: 2, seq },
				nfgenmsg(family),
				attr(1, table),
				attr(2, chain),
				attr(3, be32(0), be32(l.handle)),
				nest(4, ...expressions(l)),
			),
		);
}

function expressions(l: Line): Uint8Array[] {
	const v4 = l.family === 2;
	const { iface, client, address, target } = l;
	const name = new Uint8Array(16);
	name.set(text(iface ?? "").subarray(0, -1));
	return [
		...(iface === undefined
			? []
			: [expression("meta", attr(1, be32(1)), attr(2, be32(6))), equals(name)]),
		...(client === undefined
			? []
			: [payload(1, v4 ? 12 : 8, v4 ? 4 : 16), equals(ipBytes(client))]),
		expression("meta", attr(1, be32(1)), attr(2, be32(16))),
		equals(u8(l.proto)),
		...(address === undefined
			? [
					expression(
						"fib",
						attr(1, be32(1)),
						attr(2, be32(3)),
						attr(3, be32(2)),
					),
					equals(u32(2)),
				]
			: [payload(1, v4 ? 16 : 24, v4 ? 4 : 16), equals(ipBytes(address))]),
		payload(2, 2, 2),
		equals(be16(l.port)),
		...sendTo(target, l.family),
	];
}

function sendTo(target: string, family: number): Uint8Array[] {
	// NF_QUEUE: a program decides
	if (target === "?") return [verdict(3)];
	if (target === "drop") return [verdict(0)];
	const at = target.lastIndexOf(":");
	const port = constant(2, be16(Number(target.slice(at + 1))));
	if (at === 0) return [port, expression("redir", attr(1, be32(2)))];
	const address = ipBytes(target.slice(0, at).replace(/[[\]]/g, ""));
	return [
		constant(1, address),
		port,
		expression(
			"nat",
			attr(1, be32(1)),
			attr(2, be32(family)),
			attr(3, be32(1)),
			attr(5, be32(2)),
		),
	];
}

/** The answer to RTM_GETROUTE of one address. */
export function wayMessage(
	seq: number,
	family: number,
	index: number,
): Uint8Array {
	return message(
		{ type: 24, seq },
		Uint8Array.of(family, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0),
		attr(4, u32(index)),
	);
}

/** The answer to RTM_GETLINK of one index, which names the interface. */
export function linkNameMessage(
	seq: number,
	index: number,
	name: string,
): Uint8Array {
	return message(
		{ type: 16, seq },
		concat(u32(0), u32(index), u32(0), u32(0)),
		attr(3, text(name)),
	);
}
