// A rule of nf_tables, decoded into the steps of model.ts. The expressions are those of
// nft itself and of iptables-nft, which wraps the matches and targets of xtables
// (xtables.ts). A rule that cannot concern the packets in question is not decoded to its
// end, because a chain may have thousands of them.

import { own } from "../lookup.ts";
import { AF_INET, type Family } from "../net/ip.ts";
import { attributesAt, NFGENMSG_LEN } from "../netlink/nfnl.ts";
import { DecodeError } from "../netlink/nl.ts";
import { attributes, type Message, RecvBuffer } from "../netlink/reader.ts";
import { dataIn, ExpressionFields, verdictIn } from "./fields.ts";
import {
	type ChainID,
	type Fact,
	type Interest,
	type NatRule,
	onlyPorts,
	type Register,
	type Step,
} from "./model.ts";
import { mayConcern } from "./screen.ts";
import { exactPorts, matchOf, targetOf } from "./xtables.ts";

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;

const NFT_PAYLOAD_NETWORK_HEADER = 1;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
const NF_NAT_RANGE_PROTO_OFFSET = 1 << 5;
const NF_NAT_RANGE_NETMAP = 1 << 6;
/** NFTA_OBJREF_IMM_TYPE of objects that let every packet pass: a counter, a helper, a timeout, a security mark, an expectation. */
const PASSING_OBJECTS: ReadonlySet<number> = new Set([1, 3, 7, 8, 9]);

/** NFTA_CMP_OP by number. */
const COMPARISONS = ["==", "!=", "<", "<=", ">", ">="] as const;
/** NFTA_META_KEY by number, as far as the packet decides. */
const META: Readonly<Record<number, readonly [Fact, number]>> = {
	1: ["protocol of layer 3", 2],
	4: ["arriving interface", 4],
	5: ["leaving interface", 4],
	6: ["arriving interface", 16],
	7: ["leaving interface", 16],
	15: ["family", 1],
	16: ["protocol of layer 4", 1],
};

/**
 * Reads one rule of a chain. Returns undefined if the rule concerns none of the packets
 * in question, or belongs to another chain: old kernels ignore the filter of a dump.
 * Throws DecodeError.
 */
export function readRule(
	b: RecvBuffer,
	m: Message,
	chain: ChainID,
	interest: Interest,
): NatRule | undefined {
	const from = attributesAt(m);
	if (m.end < from) throw new DecodeError("rule without its header");
	if (b.bytes[from - NFGENMSG_LEN] !== chain.family) return undefined;
	if (!mayConcern(b, from, m.end, interest)) return undefined;
	const rule = RULE.read(b, from, m.end);
	if (!rule.isText(NFTA_RULE_CHAIN, chain.chain)) return undefined;
	if (!rule.isText(NFTA_RULE_TABLE, chain.table)) return undefined;
	if (rule.length[NFTA_RULE_HANDLE] !== 8)
		throw new DecodeError("rule without its handle");
	const at = rule.at[NFTA_RULE_EXPRESSIONS] ?? 0;
	const end = at + (rule.length[NFTA_RULE_EXPRESSIONS] ?? 0);
	const { backend, family, table } = chain;
	const steps = stepsIn(b, at, end, family);
	const ports = onlyPorts(steps);
	if (ports && !ports.some((port) => interest.port(port))) return undefined;
	return {
		backend,
		family,
		table,
		chain: chain.chain,
		// a u64, of which the lower half is enough
		handle: b.view.getUint32((rule.at[NFTA_RULE_HANDLE] ?? 0) + 4),
		steps,
		ports,
	};
}

// one of each level serves all rules, because one is decoded at a time
const NOWHERE = new RecvBuffer(0);
const RULE = new ExpressionFields(NOWHERE);
const EXPRESSION = new ExpressionFields(NOWHERE);
const DATA = new ExpressionFields(NOWHERE);

function stepsIn(
	b: RecvBuffer,
	from: number,
	to: number,
	family: number,
): Step[] {
	const steps: Step[] = [];
	attributes(b, from, to, (_, at, length) => {
		const expression = EXPRESSION.read(b, at, at + length);
		const data = expression.at[NFTA_EXPR_DATA] ?? 0;
		const end = data + (expression.length[NFTA_EXPR_DATA] ?? 0);
		const name = expression.text(NFTA_EXPR_NAME);
		if (HARMLESS.has(name)) return;
		const read = own(READERS, name);
		const step = read ? read(DATA.read(b, data, end), family) : UNCLEAR;
		if (step) steps.push(step);
	});
	return steps;
}

/** Expressions that change no packet's way. */
const HARMLESS = new Set(["counter", "log", "last"]);

const UNCLEAR: Step = { is: "unclear" };
const MAYBE: Step = { is: "match", matches: () => "maybe" };

type Read = (f: ExpressionFields, family: number) => Step | undefined;

/** The readers by the expression's name in the kernel. */
const READERS: Readonly<Record<string, Read>> = {
	payload(f) {
		const [base, offset, length] = [f.number(2), f.number(3), f.number(4)];
		// NFTA_PAYLOAD_SREG writes into the packet
		if (f.has(5)) return UNCLEAR;
		const to = f.register(1);
		if (base === NFT_PAYLOAD_NETWORK_HEADER)
			return { is: "payload", base: "network", offset, length, to };
		if (base === NFT_PAYLOAD_TRANSPORT_HEADER)
			return { is: "payload", base: "transport", offset, length, to };
		return { is: "unknown", to, length };
	},
	meta(f) {
		// NFTA_META_SREG sets a mark and the like
		if (f.has(3)) return undefined;
		const to = f.register(1);
		const [fact, length] = META[f.number(2)] ?? [];
		return fact === undefined || length === undefined
			? { is: "unknown", to, length: 16 }
			: { is: "fact", fact, to, length };
	},
	cmp(f) {
		const op = COMPARISONS[f.number(2)];
		if (op === undefined) return MAYBE;
		return { is: "compare", from: f.register(1), op, bytes: f.data(3) };
	},
	range(f) {
		return {
			is: "range",
			from: f.register(1),
			isInverted: f.number(2) === 1,
			min: f.data(3),
			max: f.data(4),
		};
	},
	bitwise(f) {
		const [from, to, length] = [f.register(1), f.register(2), f.number(3)];
		const [mask, xor] = [f.data(4), f.data(5)];
		// NFTA_BITWISE_OP: shifts and operations on two registers
		if (f.number(6) !== 0 || mask.length !== length || xor.length !== length)
			return { is: "unknown", to, length };
		return { is: "bitwise", from, to, mask, xor };
	},
	byteorder(f) {
		return { is: "unknown", to: f.register(2), length: f.number(4) };
	},
	immediate(f) {
		const to = f.register(1);
		const at = f.at[2] ?? 0;
		const length = f.length[2] ?? 0;
		const bytes = dataIn(f.b, at, length);
		return bytes ? { is: "constant", to, bytes } : verdictIn(f.b, at, length);
	},
	lookup(f) {
		return {
			is: "lookup",
			set: f.text(1),
			from: f.register(2),
			to: f.has(3) ? f.register(3) : undefined,
			isInverted: (f.number(5) & 1) === 1,
		};
	},
	nat(f) {
		// NFT_NAT_DNAT; two flags make another target for each packet
		if (f.number(1) !== 1 || isShifting(f.number(7))) return UNCLEAR;
		return {
			is: "nat",
			family: f.number(2),
			address: registersOf(f, 3, 4),
			ports: registersOf(f, 5, 6),
		};
	},
	redir(f) {
		if (isShifting(f.number(3))) return UNCLEAR;
		return { is: "redirect", ports: registersOf(f, 1, 2) };
	},
	fib(f) {
		const [to, result, flags] = [f.register(1), f.number(2), f.number(3)];
		// NFT_FIB_RESULT_ADDRTYPE of the destination or the source, whatever the interface
		if (result === 3 && flags === 2)
			return { is: "fact", fact: "kind of destination", to, length: 4 };
		if (result === 3 && flags === 1)
			return { is: "fact", fact: "kind of source", to, length: 4 };
		return { is: "unknown", to, length: 16 };
	},
	ct: (f) => loadOrSet(f, 1, 4),
	match(f, family) {
		const [name, revision, blob] = [f.text(1), f.number(2), f.blob(3)];
		const matches = matchOf(name, revision, blob, ofTable(family));
		const ports = matches && exactPorts(name, revision, blob);
		return matches && { is: "match", matches, ports };
	},
	target(f, family) {
		return targetOf(f.text(1), f.number(2), f.blob(3), ofTable(family));
	},
	exthdr(f) {
		// a byte says whether the header is there, or as many bytes of it as asked for
		const length = Math.max(4, f.number(4));
		return { is: "unknown", to: f.register(1), length };
	},
	osf: (f) => ({ is: "unknown", to: f.register(1), length: 16 }),
	xfrm: (f) => ({ is: "unknown", to: f.register(1), length: 16 }),
	numgen: (f) => ({ is: "unknown", to: f.register(1), length: 4 }),
	hash: (f) => ({ is: "unknown", to: f.register(2), length: 4 }),
	rt: (f) => ({ is: "unknown", to: f.register(1), length: 16 }),
	socket: (f) => ({ is: "unknown", to: f.register(2), length: 16 }),
	objref: (f) => (PASSING_OBJECTS.has(f.number(1)) ? undefined : MAYBE),
	limit: () => MAYBE,
	quota: () => MAYBE,
	connlimit: () => MAYBE,
	dynset: () => MAYBE,
};

function isShifting(flags: number): boolean {
	return (flags & (NF_NAT_RANGE_PROTO_OFFSET | NF_NAT_RANGE_NETMAP)) !== 0;
}

/** Returns the unknown value that an expression loads, or undefined if it sets one. */
function loadOrSet(
	f: ExpressionFields,
	to: number,
	from: number,
): Step | undefined {
	return f.has(from)
		? undefined
		: { is: "unknown", to: f.register(to), length: 16 };
}

function registersOf(
	f: ExpressionFields,
	min: number,
	max: number,
): { min: Register; max: Register } | undefined {
	if (!f.has(min)) return undefined;
	const from = f.register(min);
	return { min: from, max: f.has(max) ? f.register(max) : from };
}

/** Returns the family whose structures an xtables blob has. iptables-nft has no tables for both. */
function ofTable(family: number): Family {
	return family === 10 ? 10 : AF_INET;
}
