// The nat table of legacy iptables, which nf_tables does not show: one blob of entries that
// jump by offset (linux/netfilter/x_tables.h), put into the form of model.ts. The conditions
// of an entry's own header are in ipheader.ts. It reads no table (legacy.read.ts).

import type { Family } from "../net/ip.ts";
import { DecodeError } from "../netlink/nl.ts";
import { textAt, u16, u32 } from "./blob.ts";
import { headerOf, LAYOUTS, type Layout, onlyDestination } from "./ipheader.ts";
import {
	type BaseChain,
	type ChainID,
	chainKey,
	type Hook,
	type Interest,
	type NatRule,
	onlyPorts,
	type Step,
} from "./model.ts";
import { exactPorts, matchOf, targetOf } from "./xtables.ts";

/** Throws DecodeError. */
interface LegacyChains extends Iterable<[string, readonly NatRule[]]> {
	get(key: string): readonly NatRule[] | undefined;
}

/** The rules of one family. */
export interface LegacyRules {
	readonly chains: readonly BaseChain[];
	/** All chains that a packet may come through, by `chainKey`. Each is decoded when it is asked for, because a table may have thousands. */
	readonly rules: LegacyChains;
	/** It changes with the rules, and not with their counters: legacy iptables has no generation. */
	readonly digest: number;
}

/** A table as the kernel gives it. */
export interface LegacyTable {
	/** struct ipt_getinfo, which is that of IPv6 too. */
	readonly info: DataView;
	/** The entries without the header of struct ipt_get_entries. */
	readonly entries: Uint8Array;
}

// struct ipt_getinfo, by bytes
const VALID_HOOKS = 32;
const HOOK_ENTRY = 36;
const UNDERFLOW = 56;
/** The hooks that are of interest, by number. */
const HOOKS: Readonly<
	Record<number, { readonly hook: Hook; readonly chain: string }>
> = {
	0: { hook: "prerouting", chain: "PREROUTING" },
	3: { hook: "output", chain: "OUTPUT" },
};
/** NF_INET_NUMHOOKS: PRE_ROUTING to POST_ROUTING. */
const NUMBER_OF_HOOKS = 5;
/** NF_IP_PRI_NAT_DST, and NF_IP6_PRI_NAT_DST. */
const PRIORITY = -100;

// verdicts of linux/netfilter/x_tables.h: -NF_DROP - 1, -NF_ACCEPT - 1, XT_RETURN
const DROP = -1;
const VERDICTS: Readonly<Record<number, "drop" | "accept" | "return">> = {
	[DROP]: "drop",
	[-2]: "accept",
	[-5]: "return",
};

/** The bytes of struct xt_entry_match and xt_entry_target before their data. */
const HEAD = 32;

/** A chain's name and where its rules are. */
interface Span {
	readonly id: ChainID;
	readonly from: number;
	readonly to: number;
}

/** Decodes the base chains of a table, and the others when they are asked for. Throws DecodeError. */
export function decodeLegacy(
	table: LegacyTable,
	family: Family,
	interest: Interest,
): LegacyRules {
	const layout = LAYOUTS[family];
	const { view, ends, heads } = walked(table.entries, layout);
	const begins = hooksAt(table.info, HOOK_ENTRY);
	const policies = hooksAt(table.info, UNDERFLOW);
	const chains: BaseChain[] = [];
	const spans = new Map<string, Span>();
	const idOf = (chain: string): ChainID => ({
		backend: "legacy",
		family,
		table: "nat",
		chain,
	});
	let at = 0;
	let open: { readonly id: ChainID; readonly from: number } | undefined;
	const close = (): void => {
		if (open) spans.set(chainKey(open.id), { ...open, to: at });
		open = undefined;
	};
	for (const end of ends) {
		const begun = heads.get(at) ?? begins.get(at);
		if (begun !== undefined) {
			close();
			const name = typeof begun === "string" ? begun : HOOKS[begun]?.chain;
			if (name !== undefined) open = { id: idOf(name), from: at };
		}
		const target = at + u16(view, at + layout.target);
		const hook = policies.get(at);
		if (hook !== undefined || isHead(table.entries, target)) close();
		const base = hook === undefined ? undefined : HOOKS[hook];
		if (base) {
			const isDrop = verdictAt(view, target, end) === DROP;
			chains.push({
				...idOf(base.chain),
				hook: base.hook,
				priority: PRIORITY,
				policy: isDrop ? "drop" : "accept",
			});
		}
		at = end;
	}
	close();
	const rulesOf = ({ id, from, to }: Span): NatRule[] => {
		const found: NatRule[] = [];
		let handle = 0;
		for (let at = from; at < to; ) {
			const end = at + u16(view, at + layout.target + 2);
			handle++;
			const steps = stepsOf(table.entries, at, end, family, interest, heads);
			if (steps) found.push({ ...id, handle, steps, ports: onlyPorts(steps) });
			at = end;
		}
		return found;
	};
	return {
		chains,
		rules: {
			get(key) {
				const span = spans.get(key);
				return span && rulesOf(span);
			},
			*[Symbol.iterator]() {
				for (const [key, span] of spans) yield [key, rulesOf(span)];
			},
		},
		digest: digestOf(table.entries, layout),
	};
}

/** Returns the steps of the entry at an offset, or undefined if it decides nothing or is of no interest. */
function stepsOf(
	bytes: Uint8Array,
	at: number,
	end: number,
	family: Family,
	interest: Interest,
	heads: ReadonlyMap<number, string>,
): Step[] | undefined {
	const layout = LAYOUTS[family];
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const target = at + u16(view, at + layout.target);
	const dst = onlyDestination(bytes, at, layout);
	if (dst && !interest.address(dst)) return undefined;
	const steps: Step[] = [];
	for (let m = at + layout.entry; m < target; m += u16(view, m)) {
		const [name, revision, blob] = partAt(view, m, target);
		const ports = exactPorts(name, revision, blob);
		if (ports && !ports.some((port) => interest.port(port))) return undefined;
		const matches = matchOf(name, revision, blob, family);
		if (matches) steps.push({ is: "match", matches, ports });
	}
	const last = stepAt(view, at, target, end, family, heads);
	if (!last) return undefined;
	const header = headerOf(bytes, at, family);
	if (header) steps.unshift({ is: "match", matches: header });
	return [...steps, last];
}

/** Reads a match or target at an offset: its name, revision and data. */
function partAt(
	view: DataView,
	at: number,
	end: number,
): [string, number, DataView] {
	const size = end - at < HEAD ? 0 : u16(view, at);
	if (size < HEAD || size > end - at)
		throw new DecodeError(`match or target of ${size} bytes at ${at}`);
	const bytes = new Uint8Array(view.buffer, view.byteOffset + at, size);
	const blob = new DataView(
		view.buffer,
		view.byteOffset + at + HEAD,
		size - HEAD,
	);
	return [textAt(bytes, 2, 29), bytes[31] ?? 0, blob];
}

/** Reads the target of the entry at an offset. Returns undefined if the packet goes on to the next entry. */
function stepAt(
	view: DataView,
	at: number,
	target: number,
	end: number,
	family: Family,
	heads: ReadonlyMap<number, string>,
): Step | undefined {
	const layout = LAYOUTS[family];
	const [name, revision, blob] = partAt(view, target, end);
	if (name !== "") return targetOf(name, revision, blob, family);
	const verdict = verdictAt(view, target, end);
	const known = VERDICTS[verdict];
	if (known) return { is: known };
	const isGoto = (view.getUint8(at + layout.flags) & layout.goto) !== 0;
	// a rule without a target goes on to the next one
	if (verdict === end && !isGoto) return undefined;
	const chain = heads.get(verdict);
	if (chain === undefined) return { is: "unclear" };
	return { is: isGoto ? "goto" : "jump", chain };
}

/** The two counters of a rule, which stand at the end of its header (struct xt_counters). */
const COUNTERS = 16;

/** Returns FNV-1a over the words of all entries, without their counters. */
export function digestOf(entries: Uint8Array, layout: Layout): number {
	const { view, ends } = walked(entries, layout);
	let digest = 0x811c9dc5;
	let at = 0;
	for (const end of ends) {
		const counters = at + layout.entry - COUNTERS;
		for (; at < end; at += 4)
			if (at < counters || at >= counters + COUNTERS)
				digest = Math.imul(digest ^ view.getUint32(at), 0x01000193);
	}
	return digest >>> 0;
}

/** Returns the hooks by the offsets that struct ipt_getinfo has for them, from a field on. */
function hooksAt(info: DataView, field: number): Map<number, number> {
	const found = new Map<number, number>();
	for (let hook = 0; hook < NUMBER_OF_HOOKS; hook++)
		if ((u32(info, VALID_HOOKS) & (1 << hook)) !== 0)
			found.set(u32(info, field + 4 * hook), hook);
	return found;
}

/** Returns the verdict of the target without a name (struct xt_standard_target). */
function verdictAt(view: DataView, target: number, end: number): number {
	if (end - target < HEAD + 4) throw new DecodeError(`no verdict at ${target}`);
	return u32(view, target + HEAD) | 0;
}

/** Returns true for the target ERROR, with which a chain of the user begins. */
function isHead(bytes: Uint8Array, target: number): boolean {
	return textAt(bytes, target + 2, 29) === "ERROR";
}

interface Walked {
	readonly bytes: Uint8Array;
	readonly view: DataView;
	/** Where each entry ends and the next one begins. */
	readonly ends: readonly number[];
	/** The chains of the user by the offset of their first rule. */
	readonly heads: ReadonlyMap<number, string>;
}

/** Goes over the entries once, because a rule may jump to a chain that comes later. */
export function walked(bytes: Uint8Array, layout: Layout): Walked {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const ends: number[] = [];
	const heads = new Map<number, string>();
	for (let at = 0; at < bytes.length; ) {
		const room = bytes.length - at;
		if (room < layout.entry) throw new DecodeError(`entry of ${room} bytes`);
		const target = u16(view, at + layout.target);
		const next = u16(view, at + layout.target + 2);
		if (target < layout.entry || next < target + HEAD || next > room)
			throw new DecodeError(`entry of ${next} bytes in ${room}`);
		if (isHead(bytes, at + target))
			heads.set(at + next, textAt(bytes, at + target + HEAD, 30));
		at += next;
		ends.push(at);
	}
	return { bytes, view, ends, heads };
}
