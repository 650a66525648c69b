// The rules by which programs publish ports of containers, and which chains lead to them.
// They are read chain by chain, so that one chain at a time is held. What the kernel makes
// of all rules together is in evaluate.ts.

import { EINVAL, ENOENT } from "../netlink/errno.ts";
import type { Exchange } from "../netlink/exchange.ts";
import { attributesAt, NFGENMSG_LEN } from "../netlink/nfnl.ts";
import { NetlinkError } from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import type { Callers } from "./callers.ts";
import { type DNATRule, dnatOf, mapOf, mappedBy, readDNAT } from "./dnat.ts";
import { readAll } from "./dump.ts";
import { engineOf, PUBLISHING } from "./engines.ts";
import type { LegacyRules } from "./legacy.ts";
import {
	type ChainID,
	type Element,
	type NatRule,
	type Step,
	TABLE_FAMILIES,
} from "./model.ts";
import {
	getChains,
	getElements,
	getRulesOf,
	NFT_MSG_NEWCHAIN,
	NFT_MSG_NEWRULE,
	NFT_MSG_NEWSETELEM,
	readBaseChain,
	readElements,
} from "./nft.ts";

const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;

/** Is told the base chains, and the rules that call other chains or send packets elsewhere. */
export type Visitor = Pick<Callers, "addBase" | "add">;

/** Is called for each rule of a program that publishes ports. */
export type OnDNAT = (rule: DNATRule) => void;

/**
 * Reads the rules in nf_tables. Returns false if this kernel has none. Throws
 * NetlinkError, SysError, DecodeError or DeadlineError.
 */
export async function readPublished(
	requests: Exchange,
	callers: Visitor,
	found: OnDNAT,
): Promise<boolean> {
	const chains = await chainsOf(requests, callers);
	for (const chain of chains ?? []) {
		for (const [rule, dport] of await rulesOf(requests, chain)) {
			callers.add(rule);
			if (!isPublishing(chain)) continue;
			const dnat = dnatOf(rule, dport);
			if (dnat) found(dnat);
			const map = mapOf(rule);
			if (!map) continue;
			for (const e of await elementsOf(requests, rule, map.set)) {
				const mapped = mappedBy(rule, map, e);
				if (mapped) found(mapped);
			}
		}
	}
	return chains !== undefined;
}

/** Goes through the rules of legacy iptables, which are read as a whole (legacy.ts). */
export function visitLegacy(
	{ chains, rules }: LegacyRules,
	callers: Visitor,
	found: OnDNAT,
): void {
	for (const base of chains) callers.addBase(base);
	for (const [, all] of rules)
		for (const rule of all) {
			callers.add(rule);
			const dnat = isPublishing(rule) && dnatOf(rule, undefined);
			if (dnat) found(dnat);
		}
}

/** Returns the base chains and those of programs that publish ports, or undefined if the kernel has no nf_tables. */
async function chainsOf(
	requests: Exchange,
	callers: Visitor,
): Promise<ChainID[] | undefined> {
	try {
		return await readAll(
			requests,
			"read the chains",
			getChains,
			(b, m, chains: ChainID[]) => {
				if (m.type !== NFT_MSG_NEWCHAIN) return;
				const base = readBaseChain(b, m);
				if (base) callers.addBase(base);
				const chain = base ?? readChain(b, m);
				if (base || (chain.family in TABLE_FAMILIES && isPublishing(chain)))
					chains.push(chain);
			},
		);
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === EINVAL) return undefined;
		throw e;
	}
}

/** Returns true if the chain is one of a program that publishes ports. */
export function isPublishing(chain: ChainID): boolean {
	return PUBLISHING.includes(engineOf(chain));
}

function readChain(b: RecvBuffer, m: Message): ChainID {
	const from = attributesAt(m);
	let table = "";
	let chain = "";
	attributes(b, from, m.end, (type, at, length) => {
		if (type === NFTA_CHAIN_TABLE) table = b.text(at, length);
		else if (type === NFTA_CHAIN_NAME) chain = b.text(at, length);
	});
	const family = b.bytes[from - NFGENMSG_LEN] ?? 0;
	return { backend: "nft", family, table, chain };
}

/** Returns the rules of a chain that call another chain or have a DNAT, each with the port that it compares. */
function rulesOf(
	requests: Exchange,
	chain: ChainID,
): Promise<[NatRule, number | undefined][]> {
	return orNone(
		readAll(
			requests,
			`read chain ${chain.chain}`,
			(w, seq) => getRulesOf(w, seq, chain),
			(b, m, rules: [NatRule, number | undefined][]) => {
				if (m.type !== NFT_MSG_NEWRULE) return;
				const read = readDNAT(b, m, chain);
				if (read?.[0].steps.some(leadsOn)) rules.push(read);
			},
		),
	);
}

function leadsOn({ is }: Step): boolean {
	return (
		is === "nat" ||
		is === "redirect" ||
		is === "send" ||
		is === "jump" ||
		is === "goto"
	);
}

function elementsOf(
	requests: Exchange,
	chain: ChainID,
	set: string,
): Promise<Element[]> {
	return orNone(
		readAll(
			requests,
			`read set ${set}`,
			(w, seq) => getElements(w, seq, chain, set),
			(b, m, found: Element[]) => {
				if (m.type === NFT_MSG_NEWSETELEM) found.push(...readElements(b, m));
			},
		),
	);
}

/** Returns what was read, or nothing if the chain or set has gone meanwhile. */
async function orNone<T>(reading: Promise<T[]>): Promise<T[]> {
	try {
		return await reading;
	} catch (e) {
		if (e instanceof NetlinkError && e.errno === ENOENT) return [];
		throw e;
	}
}
