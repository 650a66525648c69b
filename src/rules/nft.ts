// nf_tables (linux/netfilter/nf_tables.h): the rules that send traffic on to another
// address. It reads both ways of writing a DNAT: the `nat` expression of nft itself,
// and the xtables target that iptables-nft wraps. It writes no rules.

import { AF_INET, AF_INET6, AF_UNSPEC, formatIP, type IP } from "../net/ip.ts";
import { attributesAt, NFGENMSG_LEN, nfgenmsg } from "../netlink/nfnl.ts";
import {
	DecodeError,
	NLM_F_DUMP,
	NLM_F_REQUEST,
	type Writer,
} from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";

// NFNL_SUBSYS_NFTABLES << 8 | message
export const NFT_MSG_NEWRULE = 0x0a06;
const NFT_MSG_GETRULE = 0x0a07;

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFTA_DATA_VALUE = 1;
const NFTA_TARGET_NAME = 1;
const NFTA_TARGET_REV = 2;
const NFTA_TARGET_INFO = 3;
const NFTA_IMMEDIATE_DREG = 1;
const NFTA_IMMEDIATE_DATA = 2;
const NFTA_NAT_TYPE = 1;
const NFTA_NAT_REG_ADDR_MIN = 3;
const NFTA_NAT_REG_PROTO_MIN = 5;
const NFT_NAT_DNAT = 1;
const NFTA_PAYLOAD_BASE = 2;
const NFTA_PAYLOAD_OFFSET = 3;
const NFTA_PAYLOAD_LEN = 4;
const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
const NFTA_CMP_OP = 2;
const NFTA_CMP_DATA = 3;
const NFT_CMP_EQ = 0;

// linux/netfilter/nf_nat.h
const NF_NAT_RANGE_MAP_IPS = 1;
const NF_NAT_RANGE_PROTO_SPECIFIED = 2;

/** A rule with a DNAT to one address. */
export interface DNATRule {
	/** The name that nft has for the family: `ip`, `ip6`, `inet`. */
	readonly family: string;
	readonly table: string;
	readonly chain: string;
	readonly handle: number;
	/** The destination port that the rule matches, if it matches exactly one. */
	readonly dport: number | undefined;
	readonly ip: IP;
	/** The port to send to; undefined leaves the port as it is. */
	readonly port: number | undefined;
}

const FAMILIES: Readonly<Record<number, string>> = {
	1: "inet",
	[AF_INET]: "ip",
	[AF_INET6]: "ip6",
};

/** Asks for the rules of all families and tables. */
export function getRules(w: Writer, seq: number): void {
	w.message(NFT_MSG_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, seq, () =>
		nfgenmsg(w, AF_UNSPEC),
	);
}

/** Reads one message of the answer to `getRules`. Returns undefined if the rule has no DNAT to an address. Throws DecodeError. */
export function readDNAT(b: RecvBuffer, m: Message): DNATRule | undefined {
	const from = attributesAt(m);
	if (m.end < from) throw new DecodeError("rule without its header");
	const number = b.bytes[from - NFGENMSG_LEN] ?? 0;
	const family = FAMILIES[number];
	const found = parts(b, from, m.end);
	const expressions = found.get(NFTA_RULE_EXPRESSIONS);
	const handle = found.get(NFTA_RULE_HANDLE);
	if (family === undefined || !expressions || handle?.length !== 8)
		return undefined;
	const dnat = targetOf(b, expressions, number);
	if (dnat === undefined) return undefined;
	return {
		family,
		table: text(b, found.get(NFTA_RULE_TABLE)),
		chain: text(b, found.get(NFTA_RULE_CHAIN)),
		handle: Number(b.view.getBigUint64(handle.at)),
		...dnat,
	};
}

/** The place of a payload in the buffer. */
interface Part {
	readonly at: number;
	readonly length: number;
}
type Target = Pick<DNATRule, "dport" | "ip" | "port">;

/** Goes through a rule's expressions as the kernel does, as far as a DNAT depends on them. */
function targetOf(
	b: RecvBuffer,
	{ at, length }: Part,
	family: number,
): Target | undefined {
	/** The constants by the number of their register. */
	const registers = new Map<number, Part>();
	let comparesPort = false;
	let dport: number | undefined;
	let target: Omit<Target, "dport"> | undefined;
	attributes(b, at, at + length, (_, element, n) => {
		const expression = parts(b, element, element + n);
		const name = text(b, expression.get(NFTA_EXPR_NAME));
		const body = expression.get(NFTA_EXPR_DATA);
		if (!body) return;
		const data = parts(b, body.at, body.at + body.length);
		if (name === "payload") {
			comparesPort =
				word(b, data.get(NFTA_PAYLOAD_BASE)) === NFT_PAYLOAD_TRANSPORT_HEADER &&
				word(b, data.get(NFTA_PAYLOAD_OFFSET)) === 2 &&
				word(b, data.get(NFTA_PAYLOAD_LEN)) === 2;
		} else if (name === "cmp") {
			const value = constantOf(b, data.get(NFTA_CMP_DATA));
			if (comparesPort && value?.length === 2)
				dport =
					word(b, data.get(NFTA_CMP_OP)) === NFT_CMP_EQ
						? b.view.getUint16(value.at)
						: undefined;
		} else if (name === "immediate") {
			const register = word(b, data.get(NFTA_IMMEDIATE_DREG));
			const value = constantOf(b, data.get(NFTA_IMMEDIATE_DATA));
			if (register !== undefined && value) registers.set(register, value);
		} else if (name === "nat") {
			if (word(b, data.get(NFTA_NAT_TYPE)) !== NFT_NAT_DNAT) return;
			const register = (type: number): Part | undefined =>
				registers.get(word(b, data.get(type)) ?? -1);
			target = addressAndPort(
				b,
				register(NFTA_NAT_REG_ADDR_MIN),
				register(NFTA_NAT_REG_PROTO_MIN),
			);
		} else if (name === "target") {
			const info = data.get(NFTA_TARGET_INFO);
			if (text(b, data.get(NFTA_TARGET_NAME)) === "DNAT" && info)
				target = rangeOf(
					b,
					info,
					word(b, data.get(NFTA_TARGET_REV)) ?? 0,
					family,
				);
		}
	});
	return target && { ...target, dport };
}

/**
 * Reads the range of an xtables DNAT: revision 0 is nf_nat_ipv4_multi_range_compat, 1
 * nf_nat_range, 2 nf_nat_range2. The last two have room for IPv6 in every family.
 */
function rangeOf(
	b: RecvBuffer,
	{ at, length }: Part,
	revision: number,
	family: number,
): Omit<Target, "dport"> | undefined {
	const range = revision === 0 ? at + 4 : at;
	const room = revision === 0 ? 4 : 16;
	const ports = range + 4 + 2 * room;
	if (ports + 4 > at + length) return undefined;
	if (revision === 0 && family === AF_INET6) return undefined;
	const flags = b.u32(range);
	if (!(flags & NF_NAT_RANGE_MAP_IPS)) return undefined;
	return addressAndPort(
		b,
		{ at: range + 4, length: family === AF_INET6 ? 16 : 4 },
		flags & NF_NAT_RANGE_PROTO_SPECIFIED ? { at: ports, length: 2 } : undefined,
	);
}

function addressAndPort(
	b: RecvBuffer,
	address: Part | undefined,
	port: Part | undefined,
): Omit<Target, "dport"> | undefined {
	if (address?.length !== 4 && address?.length !== 16) return undefined;
	const family = address.length === 4 ? AF_INET : AF_INET6;
	return {
		ip: formatIP(b.bytes, address.at, family),
		port: port && port.length >= 2 ? b.view.getUint16(port.at) : undefined,
	};
}

function parts(b: RecvBuffer, from: number, to: number): Map<number, Part> {
	const found = new Map<number, Part>();
	attributes(b, from, to, (type, at, length) => {
		found.set(type, { at, length });
	});
	return found;
}

/** Returns the place of a NFTA_DATA_VALUE, or undefined for a verdict. */
function constantOf(b: RecvBuffer, nest: Part | undefined): Part | undefined {
	return nest && parts(b, nest.at, nest.at + nest.length).get(NFTA_DATA_VALUE);
}

function word(b: RecvBuffer, part: Part | undefined): number | undefined {
	return part?.length === 4 ? b.view.getUint32(part.at) : undefined;
}

function text(b: RecvBuffer, part: Part | undefined): string {
	return part ? b.text(part.at, part.length) : "";
}
