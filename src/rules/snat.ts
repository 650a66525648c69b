// The rules that translate source addresses, in nf_tables and in legacy iptables, and
// whether they keep the source port. Only `doctor` asks; verbs care about destinations.

import { AF_INET6, type Family } from "../net/ip.ts";
import { EINVAL } from "../netlink/errno.ts";
import type { Exchange } from "../netlink/exchange.ts";
import { attributesAt, NFGENMSG_LEN } from "../netlink/nfnl.ts";
import { NetlinkError } from "../netlink/nl.ts";
import { attributes, type Message, RecvBuffer } from "../netlink/reader.ts";
import { need, textAt, u16, u32 } from "./blob.ts";
import { readAll } from "./dump.ts";
import { ExpressionFields } from "./fields.ts";
import { LAYOUTS } from "./ipheader.ts";
import { type LegacyTable, walked } from "./legacy.ts";
import { type Place, TABLE_FAMILIES } from "./model.ts";
import { getRulesOf, NFT_MSG_NEWRULE } from "./nft.ts";

/** A rule that translates source addresses. */
export interface SNATRule extends Place {
	/** True if the kernel chooses source ports at random; false if it keeps one that is free. */
	readonly isRandom: boolean;
	/** The interface, if the rule is for all but one that packets leave by: Docker's are. */
	readonly exceptVia: string;
}

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;
const NFT_META_OIFNAME = 7;
const NFT_CMP_NEQ = 1;
const NFT_NAT_SNAT = 0;

// linux/netfilter/nf_nat.h
const RANDOM = 4 | 16; // NF_NAT_RANGE_PROTO_RANDOM, NF_NAT_RANGE_PROTO_RANDOM_FULLY
const NF_NAT_RANGE_NETMAP = 64;

// linux/netfilter_ipv4/ip_tables.h
const HOOK_ENTRY = 36;
const NF_INET_POST_ROUTING = 4;
const IPT_INV_VIA_OUT = 2;
/** The bytes of struct xt_entry_target before its data. */
const HEAD = 32;
const IFNAMSIZ = 16;

/** Reads the rules in nf_tables; there are none if the kernel has no nf_tables. Throws NetlinkError, SysError, DecodeError or DeadlineError. */
export async function readSNAT(requests: Exchange): Promise<SNATRule[]> {
	try {
		return await readAll(
			requests,
			"read the rules",
			getRulesOf,
			(b, m, found: SNATRule[]) => {
				const rule = m.type === NFT_MSG_NEWRULE && ruleIn(b, m);
				if (rule) found.push(rule);
			},
		);
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === EINVAL) return [];
		throw e;
	}
}

// one of each level serves all rules, because one is decoded at a time
const NOWHERE = new RecvBuffer(0);
const RULE = new ExpressionFields(NOWHERE);
const EXPRESSION = new ExpressionFields(NOWHERE);
const DATA = new ExpressionFields(NOWHERE);

function ruleIn(b: RecvBuffer, m: Message): SNATRule | undefined {
	const from = attributesAt(m);
	const family = b.bytes[from - NFGENMSG_LEN] ?? 0;
	if (!(family in TABLE_FAMILIES)) return undefined;
	const rule = RULE.read(b, from, m.end);
	let flags: number | undefined;
	let exceptVia = "";
	let isVia = false;
	const list = rule.at[NFTA_RULE_EXPRESSIONS] ?? 0;
	const end = list + (rule.length[NFTA_RULE_EXPRESSIONS] ?? 0);
	attributes(b, list, end, (_, at, length) => {
		const expression = EXPRESSION.read(b, at, at + length);
		const data = expression.at[NFTA_EXPR_DATA] ?? 0;
		const stop = data + (expression.length[NFTA_EXPR_DATA] ?? 0);
		const fields = (): ExpressionFields => DATA.read(b, data, stop);
		switch (expression.text(NFTA_EXPR_NAME)) {
			case "meta":
				isVia = fields().number(2) === NFT_META_OIFNAME;
				break;
			case "payload":
				isVia = false;
				break;
			case "cmp": {
				const f = fields();
				if (!isVia || f.number(2) !== NFT_CMP_NEQ) break;
				const bytes = f.data(3);
				exceptVia = textAt(bytes, 0, bytes.length);
				break;
			}
			case "masq":
				flags = fields().number(1);
				break;
			case "nat":
				if (fields().number(1) === NFT_NAT_SNAT) flags = DATA.number(7);
				break;
			case "target": {
				const f = fields();
				flags = flagsOf(f.text(1), f.number(2), f.blob(3), family);
				break;
			}
		}
	});
	// each address has one of its own there, so that no two want one port
	if (flags === undefined || (flags & NF_NAT_RANGE_NETMAP) !== 0)
		return undefined;
	return {
		backend: "nft",
		family,
		table: rule.text(NFTA_RULE_TABLE),
		chain: rule.text(NFTA_RULE_CHAIN),
		// a u64, of which the lower half is enough
		handle: b.view.getUint32((rule.at[NFTA_RULE_HANDLE] ?? 0) + 4),
		isRandom: (flags & RANDOM) !== 0,
		exceptVia,
	};
}

/** Returns the rules of a table of legacy iptables. Throws DecodeError. */
export function snatIn(
	{ info, entries }: LegacyTable,
	family: Family,
): SNATRule[] {
	const layout = LAYOUTS[family];
	const { view, ends, heads } = walked(entries, layout);
	const postrouting = u32(info, HOOK_ENTRY + 4 * NF_INET_POST_ROUTING);
	const found: SNATRule[] = [];
	let chain = "";
	let handle = 0;
	let at = 0;
	for (const end of ends) {
		const begun =
			heads.get(at) ?? (at === postrouting ? "POSTROUTING" : undefined);
		if (begun !== undefined) {
			chain = begun;
			handle = 0;
		}
		handle++;
		const target = at + u16(view, at + layout.target);
		const blob = new DataView(
			entries.buffer,
			entries.byteOffset + target + HEAD,
			end - target - HEAD,
		);
		const name = textAt(entries, target + 2, 29);
		const flags = flagsOf(name, entries[target + 31] ?? 0, blob, family);
		if (flags !== undefined)
			found.push({
				backend: "legacy",
				family,
				table: "nat",
				chain,
				handle,
				isRandom: (flags & RANDOM) !== 0,
				exceptVia:
					((entries[at + layout.inverted] ?? 0) & IPT_INV_VIA_OUT) !== 0
						? textAt(entries, at + layout.interfaces + IFNAMSIZ, IFNAMSIZ)
						: "",
			});
		at = end;
	}
	return found;
}

/**
 * Returns the flags of the targets MASQUERADE and SNAT, or undefined for any other. The
 * first revisions for IPv4 have a number of ranges before them
 * (nf_nat_ipv4_multi_range_compat). Throws DecodeError if the blob is too short.
 */
function flagsOf(
	name: string,
	revision: number,
	blob: DataView,
	family: number,
): number | undefined {
	if (name !== "MASQUERADE" && name !== "SNAT") return undefined;
	need(blob, 8, name);
	return u32(blob, revision === 0 && family !== AF_INET6 ? 4 : 0);
}
