// nf_tables (linux/netfilter/nf_tables.h): the requests for chains, rules and sets, and
// their answers in the form of model.ts. It decodes no rule's expressions
// (expressions.ts), and it writes no rules.

import { AF_UNSPEC } from "../net/ip.ts";
import { attributesAt, NFGENMSG_LEN, nfgenmsg } from "../netlink/nfnl.ts";
import {
	DecodeError,
	NLA_TYPE_MASK,
	NLM_F_DUMP,
	NLM_F_REQUEST,
	type Writer,
} from "../netlink/nl.ts";
import {
	attributes,
	type Message,
	type RecvBuffer,
} from "../netlink/reader.ts";
import { dataIn, verdictIn } from "./fields.ts";
import type {
	BaseChain,
	ChainID,
	ChainVerdict,
	Element,
	Hook,
	SetShape,
} from "./model.ts";

// NFNL_SUBSYS_NFTABLES << 8 | message
export const NFT_MSG_NEWCHAIN = 0x0a03;
const NFT_MSG_GETCHAIN = 0x0a04;
export const NFT_MSG_NEWRULE = 0x0a06;
const NFT_MSG_GETRULE = 0x0a07;
const NFT_MSG_GETSET = 0x0a0a;
export const NFT_MSG_NEWSETELEM = 0x0a0c;
const NFT_MSG_GETSETELEM = 0x0a0d;
const NFT_MSG_GETGEN = 0x0a10;

const NFTA_GEN_ID = 1;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_HOOK = 4;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_TYPE = 7;
const NFTA_HOOK_HOOKNUM = 1;
const NFTA_HOOK_PRIORITY = 2;
const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_KEY_LEN = 5;
const NFTA_SET_DESC = 9;
const NFTA_SET_DESC_CONCAT = 2;
const NFTA_SET_FIELD_LEN = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_KEY = 1;
const NFTA_SET_ELEM_DATA = 2;
const NFTA_SET_ELEM_FLAGS = 3;
const NFTA_SET_ELEM_EXPR = 7;
const NFTA_SET_ELEM_KEY_END = 10;
const NFTA_SET_ELEM_EXPRESSIONS = 11;
const NFTA_LIST_ELEM = 1;
const NFTA_DATA_VALUE = 1;
const NFTA_EXPR_NAME = 1;
/** NFT_DATA_VALUE_MAXLEN: a key or data is no longer. */
const MAX_KEY = 64;

const NFT_SET_INTERVAL = 0x4;
const NFT_SET_TIMEOUT = 0x10;
const NFT_SET_EVAL = 0x20;
const NFT_SET_ELEM_INTERVAL_END = 0x1;
const NFT_SET_ELEM_CATCHALL = 0x2;

// linux/netfilter.h
const NF_ACCEPT = 1;
const HOOKS: Readonly<Record<number, Hook>> = { 0: "prerouting", 3: "output" };

/** Asks for the generation of the rules, which every change raises. */
export function getGeneration(w: Writer, seq: number): void {
	w.message(NFT_MSG_GETGEN, NLM_F_REQUEST, seq, () => nfgenmsg(w, AF_UNSPEC));
}

/** Reads the answer to `getGeneration`. Throws DecodeError. */
export function readGeneration(b: RecvBuffer, m: Message): number {
	let generation: number | undefined;
	attributes(b, attributesAt(m), m.end, (type, at, length) => {
		if (type === NFTA_GEN_ID && length === 4) generation = b.view.getUint32(at);
	});
	if (generation === undefined) throw new DecodeError("no generation");
	return generation;
}

/** Asks for the chains of all tables. */
export function getChains(w: Writer, seq: number): void {
	w.message(NFT_MSG_GETCHAIN, NLM_F_REQUEST | NLM_F_DUMP, seq, () =>
		nfgenmsg(w, AF_UNSPEC),
	);
}

/** Reads one chain. Returns undefined unless it is a base chain that may change destinations. Throws DecodeError. */
export function readBaseChain(
	b: RecvBuffer,
	m: Message,
): BaseChain | undefined {
	const from = attributesAt(m);
	let table = "";
	let chain = "";
	let type = "";
	let hook: Hook | undefined;
	let priority = 0;
	let policy: BaseChain["policy"] = "accept";
	// most chains are no base chains, and a node may have thousands
	if (!hasHook(b, from, m.end)) return undefined;
	attributes(b, from, m.end, (kind, at, length) => {
		if (kind === NFTA_CHAIN_TABLE) table = b.text(at, length);
		else if (kind === NFTA_CHAIN_NAME) chain = b.text(at, length);
		else if (kind === NFTA_CHAIN_TYPE) type = b.text(at, length);
		else if (kind === NFTA_CHAIN_POLICY && length === 4)
			policy = b.view.getUint32(at) === NF_ACCEPT ? "accept" : "drop";
		else if (kind === NFTA_CHAIN_HOOK)
			attributes(b, at, at + length, (part, value, size) => {
				if (size !== 4) return;
				if (part === NFTA_HOOK_HOOKNUM) hook = HOOKS[b.view.getUint32(value)];
				else if (part === NFTA_HOOK_PRIORITY) priority = b.view.getInt32(value);
			});
	});
	if (type !== "nat" || hook === undefined) return undefined;
	const family = b.bytes[from - NFGENMSG_LEN] ?? 0;
	return { backend: "nft", family, table, chain, hook, priority, policy };
}

/** Returns true if one of the attributes is a hook, or if they cannot be read. */
function hasHook({ halves }: RecvBuffer, from: number, to: number): boolean {
	for (let at = from; to - at >= 4; ) {
		const size = halves[at >> 1] ?? 0;
		const type = (halves[(at >> 1) + 1] ?? 0) & NLA_TYPE_MASK;
		if (type === NFTA_CHAIN_HOOK || size < 4) return true;
		at += (size + 3) & ~3;
	}
	return false;
}

/** Asks for the rules of one chain, in their order, or for those of all chains. */
export function getRulesOf(w: Writer, seq: number, c?: ChainID): void {
	w.message(NFT_MSG_GETRULE, NLM_F_REQUEST | NLM_F_DUMP, seq, () => {
		nfgenmsg(w, c ? c.family : AF_UNSPEC);
		if (!c) return;
		w.string(NFTA_RULE_TABLE, c.table);
		w.string(NFTA_RULE_CHAIN, c.chain);
	});
}

/** Asks for the shape of a set of the chain's table. */
export function getSet(w: Writer, seq: number, c: ChainID, set: string): void {
	w.message(NFT_MSG_GETSET, NLM_F_REQUEST, seq, () => {
		nfgenmsg(w, c.family);
		w.string(NFTA_SET_TABLE, c.table);
		w.string(NFTA_SET_NAME, set);
	});
}

/** Reads the answer to `getSet`. Throws DecodeError. */
export function readSet(b: RecvBuffer, m: Message): SetShape {
	let flags = 0;
	let keyLength = 0;
	const parts: number[] = [];
	attributes(b, attributesAt(m), m.end, (type, at, length) => {
		if (type === NFTA_SET_FLAGS && length === 4) flags = b.view.getUint32(at);
		else if (type === NFTA_SET_KEY_LEN && length === 4)
			keyLength = b.view.getUint32(at);
		else if (type === NFTA_SET_DESC)
			attributes(b, at, at + length, (part, list, n) => {
				if (part !== NFTA_SET_DESC_CONCAT) return;
				attributes(b, list, list + n, (_, field, size) => {
					attributes(b, field, field + size, (kind, value, n) => {
						if (kind === NFTA_SET_FIELD_LEN && n === 4)
							parts.push(b.view.getUint32(value));
					});
				});
			});
	});
	if (keyLength === 0 || keyLength > MAX_KEY)
		throw new DecodeError(`set with keys of ${keyLength} bytes`);
	return {
		keyLength,
		isInterval: (flags & NFT_SET_INTERVAL) !== 0,
		parts: flags & NFT_SET_INTERVAL ? parts : [],
		changes: (flags & (NFT_SET_TIMEOUT | NFT_SET_EVAL)) !== 0,
		grows: (flags & NFT_SET_EVAL) !== 0,
	};
}

/** Asks for all elements of a set. */
export function getElements(
	w: Writer,
	seq: number,
	c: ChainID,
	set: string,
): void {
	w.message(NFT_MSG_GETSETELEM, NLM_F_REQUEST | NLM_F_DUMP, seq, () => {
		nfgenmsg(w, c.family);
		w.string(NFTA_SET_ELEM_LIST_TABLE, c.table);
		w.string(NFTA_SET_ELEM_LIST_SET, set);
	});
}

/** Asks for the element that a key finds or, without a key, for the one that stands for all other keys. The answer is ENOENT if there is none. */
export function getElement(
	w: Writer,
	seq: number,
	c: ChainID,
	set: string,
	key: Uint8Array | undefined,
): void {
	w.message(NFT_MSG_GETSETELEM, NLM_F_REQUEST, seq, () => {
		nfgenmsg(w, c.family);
		w.string(NFTA_SET_ELEM_LIST_TABLE, c.table);
		w.string(NFTA_SET_ELEM_LIST_SET, set);
		w.nested(NFTA_SET_ELEM_LIST_ELEMENTS, () =>
			w.nested(NFTA_LIST_ELEM, () => {
				if (key) w.nested(NFTA_SET_ELEM_KEY, () => w.raw(NFTA_DATA_VALUE, key));
				else
					w.raw(
						NFTA_SET_ELEM_FLAGS,
						Uint8Array.of(0, 0, 0, NFT_SET_ELEM_CATCHALL),
					);
			}),
		);
	});
}

/** Reads the elements of one message. Throws DecodeError. */
export function readElements(b: RecvBuffer, m: Message): Element[] {
	const found: Element[] = [];
	attributes(b, attributesAt(m), m.end, (type, list, length) => {
		if (type !== NFTA_SET_ELEM_LIST_ELEMENTS) return;
		attributes(b, list, list + length, (_, at, n) => {
			found.push(readElement(b, at, n));
		});
	});
	return found;
}

function readElement(b: RecvBuffer, from: number, length: number): Element {
	let key: Uint8Array = new Uint8Array();
	let keyEnd: Uint8Array | undefined;
	let data: Uint8Array | ChainVerdict | undefined;
	let flags = 0;
	let isLimited = false;
	attributes(b, from, from + length, (type, at, n) => {
		if (type === NFTA_SET_ELEM_KEY) key = dataIn(b, at, n) ?? new Uint8Array();
		else if (type === NFTA_SET_ELEM_KEY_END) keyEnd = dataIn(b, at, n);
		else if (type === NFTA_SET_ELEM_DATA)
			data = dataIn(b, at, n) ?? verdictIn(b, at, n);
		else if (type === NFTA_SET_ELEM_FLAGS && n === 4)
			flags = b.view.getUint32(at);
		else if (type === NFTA_SET_ELEM_EXPR) isLimited ||= !isCounter(b, at, n);
		else if (type === NFTA_SET_ELEM_EXPRESSIONS)
			attributes(b, at, at + n, (_, one, size) => {
				isLimited ||= !isCounter(b, one, size);
			});
	});
	return {
		key,
		keyEnd,
		isEnd: (flags & NFT_SET_ELEM_INTERVAL_END) !== 0,
		isCatchAll: (flags & NFT_SET_ELEM_CATCHALL) !== 0,
		isLimited,
		data,
	};
}

/** Returns true if the expression of an element counts, and lets every packet pass. */
function isCounter(b: RecvBuffer, from: number, length: number): boolean {
	let name = "";
	attributes(b, from, from + length, (type, at, n) => {
		if (type === NFTA_EXPR_NAME) name = b.text(at, n);
	});
	return name === "counter" || name === "last";
}
