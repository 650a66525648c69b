// Messages that we never send, and why: what each kernel makes of them. They are
// written here by hand, because our encoder cannot.

import { ipBytes } from "../../../src/net/ip.ts";
import {
	attr,
	be16,
	be32,
	message,
	nest,
	protoNumber,
	tuple,
	tupleBytes,
	u8,
	u32,
} from "../../support/entries.ts";
import {
	ALL,
	except,
	factsOf,
	HOST_PORT,
	HOST6,
	type Name,
	SCENE,
	where,
} from "../scene.ts";
import type { Case, Kernel } from "../script.ts";
import { fill, otherwise, send, since, table } from "../script.ts";

const DELETE = 0x0102;
const GET = 0x0101;
const ACK = 0x05; // with NLM_F_REQUEST
const DUMP = 0x301;

// net/netfilter/nf_internals.h
const IP_DST = 0x02;
const PROTO_NUM = 0x08;
const DST_PORT = 0x20;
const UNKNOWN = 0x8000_0000;

interface Head {
	readonly family?: number;
	readonly version?: number;
}

function ask(
	type: number,
	{ family = 2, version = 0 }: Head,
	...attributes: Uint8Array[]
): Uint8Array {
	const flags = type === GET ? DUMP : ACK;
	const head = Uint8Array.of(family, version, 0, 0);
	return message({ type, flags, seq: 1 }, head, ...attributes);
}

const origFilter = (flags: number): Uint8Array => nest(25, attr(1, u32(flags)));
const udpTo8125 = nest(2, attr(1, u8(17)), attr(3, be16(HOST_PORT)));

function whole(type: 1 | 2, name: Name): Uint8Array {
	const e = factsOf(SCENE[name]);
	const side = tuple(type === 1 ? e.orig : e.reply);
	return nest(type, tupleBytes(side, protoNumber(e.proto)));
}

interface Trap extends Effect {
	readonly name: string;
	readonly bytes: Uint8Array;
	answer(k: Kernel): string;
	/** The effect on kernels that were repaired: a repair may come to any stable series, in any week. */
	readonly repaired?: Effect;
}

interface Effect {
	/** Entries that are left after a DELETE; all of them after a dump. */
	left?(k: Kernel): readonly string[];
	/** Entries that a dump returns. */
	dumped?(k: Kernel): readonly string[];
}

const not = (lines: readonly string[]): string[] => {
	const gone = new Set(lines);
	return ALL.filter((line) => !gone.has(line));
};
const v4 = where((e) => !e.v6);
const toHost6 = where(
	(e) => e.orig.endsWith(`> [${HOST6}]:${HOST_PORT}`) && e.proto === "udp",
);
const ok = (): string => "ok";
const refusedBefore612 = (k: Kernel): string =>
	since(k, 6, 12) ? "ok" : "EINVAL";

const TRAPS: readonly Trap[] = [
	{
		name: "a delete without a tuple empties the table",
		bytes: ask(DELETE, {}),
		answer: ok,
		left: () => [],
	},
	{
		name: "a delete without a tuple, header version 1, empties one family",
		bytes: ask(DELETE, { version: 1 }),
		answer: ok,
		left: () => not(v4),
	},
	{
		name: "a delete by status alone: before 5.15 it empties the table",
		bytes: ask(DELETE, {}, attr(3, be32(0x2)), attr(26, be32(0x2))),
		answer: ok,
		left: (k) =>
			since(k, 5, 15) ? where((e) => !e.words.includes("seen")) : [],
	},
	{
		name: "a delete by zone alone: before 6.8 it empties the table",
		bytes: ask(DELETE, {}, attr(18, be16(7))),
		answer: ok,
		left: (k) => (since(k, 6, 8) ? where((e) => e.value("zone") !== 7) : []),
	},
	{
		name: "a delete by filter without the tuple is refused",
		bytes: ask(DELETE, {}, origFilter(PROTO_NUM | DST_PORT)),
		answer: (k) => (since(k, 6, 12) ? "EINVAL" : "EOPNOTSUPP"),
	},
	{
		name: "a delete by a part of a tuple without filter is refused",
		bytes: ask(DELETE, {}, nest(1, udpTo8125)),
		answer: () => "EINVAL",
	},
	{
		name: "a filter with a whole tuple: before 6.12 it is ignored, and that entry deleted",
		bytes: ask(
			DELETE,
			{},
			whole(1, "to the old pod"),
			origFilter(PROTO_NUM | DST_PORT),
		),
		answer: ok,
		left: (k) =>
			since(k, 6, 12)
				? not(where((e) => !e.v6 && e.proto === "udp" && e.dport === HOST_PORT))
				: except("to the old pod"),
	},
	{
		name: "a filter with flags 0: since 6.12 it empties the family",
		bytes: ask(DELETE, {}, whole(1, "to the old pod"), origFilter(0)),
		answer: ok,
		left: (k) => (since(k, 6, 12) ? not(v4) : except("to the old pod")),
	},
	{
		name: "an IPv6 address in a filtered delete: before 7.3 it is inverted",
		bytes: ask(
			DELETE,
			{ family: 10 },
			nest(1, nest(1, attr(4, ipBytes(HOST6))), udpTo8125),
			origFilter(PROTO_NUM | DST_PORT | IP_DST),
		),
		answer: refusedBefore612,
		left: (k) => (since(k, 6, 12) ? except("IPv6 to an external server") : ALL),
		repaired: { left: () => not(toHost6) },
	},
	{
		name: "an IPv6 address in a filtered dump: before 7.3 it is inverted",
		bytes: ask(
			GET,
			{ family: 10 },
			nest(1, nest(1, attr(4, ipBytes(HOST6))), udpTo8125),
			origFilter(PROTO_NUM | DST_PORT | IP_DST),
		),
		answer: ok,
		dumped: () => [SCENE["IPv6 to an external server"]],
		repaired: { dumped: () => toHost6 },
	},
	{
		name: "a port in a filtered delete of SCTP is not compared",
		bytes: ask(
			DELETE,
			{},
			nest(1, nest(2, attr(1, u8(132)), attr(3, be16(HOST_PORT)))),
			origFilter(PROTO_NUM | DST_PORT),
		),
		answer: refusedBefore612,
		left: (k) =>
			since(k, 6, 12) ? not(where((e) => !e.v6 && e.proto === "sctp")) : ALL,
	},
	{
		name: "a dump by zone: before 6.8 it returns the family",
		bytes: ask(GET, {}, attr(18, be16(7))),
		answer: ok,
		dumped: (k) =>
			since(k, 6, 8) ? where((e) => !e.v6 && e.value("zone") === 7) : v4,
	},
	{
		name: "a dump by status: before 5.15 it returns the family",
		bytes: ask(GET, {}, attr(3, be32(0x4)), attr(26, be32(0x4))),
		answer: ok,
		dumped: (k) =>
			since(k, 5, 15) ? where((e) => !e.v6 && e.words.includes("assured")) : v4,
	},
	{
		name: "a dump with an unknown flag is refused",
		bytes: ask(GET, {}, nest(1, udpTo8125), origFilter(UNKNOWN)),
		// the policy of the attribute came to the stable series one by one
		answer: () => "EINVAL|EOPNOTSUPP",
	},
	{
		name: "a filtered dump of no family is refused",
		bytes: ask(
			GET,
			{ family: 0 },
			nest(1, udpTo8125),
			origFilter(PROTO_NUM | DST_PORT),
		),
		answer: () => "EOPNOTSUPP",
	},
	{
		name: "a delete without its zone does not find the entry",
		bytes: ask(DELETE, {}, whole(1, "to the old pod, original zone 5")),
		answer: () => "ENOENT",
	},
	{
		name: "of two tuples the reply is ignored",
		bytes: ask(
			DELETE,
			{},
			whole(1, "to the old pod"),
			whole(2, "to the pod's other port"),
		),
		answer: ok,
		left: () => except("to the old pod"),
	},
];

export const TRAP_CASES: readonly Case[] = TRAPS.map((trap) => ({
	name: `never sent: ${trap.name}`,
	steps: (k) => [
		...steps(trap, trap, k),
		...(trap.repaired
			? otherwise(outcome(trap.repaired, k), steps(trap, trap.repaired, k))
			: []),
	],
	outcome: (k) => {
		if (trap.answer(k).includes("|")) return "refused";
		if (trap.answer(k) !== "ok") return trap.answer(k);
		return outcome(trap, k);
	},
}));

function steps(
	{ bytes, answer }: Trap,
	{ left, dumped }: Effect,
	k: Kernel,
): string[] {
	return [
		fill(ALL),
		send(k, bytes, answer(k), dumped?.(k)),
		table(left?.(k) ?? ALL),
	];
}

function outcome({ left, dumped }: Effect, k: Kernel): string {
	return dumped
		? `returns ${dumped(k).length}`
		: `deletes ${ALL.length - (left?.(k) ?? ALL).length}`;
}
