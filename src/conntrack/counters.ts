// ctnetlink's statistics (linux/netfilter/nfnetlink_conntrack.h): the counters of each
// CPU. They need no procfs, unlike /proc/net/stat/nf_conntrack, which kernels since
// 5.15 may be built without. The fill of the table is in messages.ts, because every
// flush asks for it.

import { AF_UNSPEC } from "../net/ip.ts";
import { attributesAt, nfgenmsg } from "../netlink/nfnl.ts";
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

export const IPCTNL_MSG_CT_GET_STATS_CPU = 0x0104;

/** The CTA_STATS_* of a CPU that kernels still send, in the order of the kernel, and the one that tells kernels before 4.9 (8e8118f89314). */
const COUNTER_TYPES = {
	searched: 1,
	found: 2,
	invalid: 4,
	insert: 8,
	insert_failed: 9,
	drop: 10,
	early_drop: 11,
	error: 12,
	search_restart: 13,
	clash_resolve: 14,
	chain_toolong: 15,
} as const;

export type Counter = keyof typeof COUNTER_TYPES;
export const COUNTERS = Object.keys(COUNTER_TYPES) as Counter[];

/** Counters of this network namespace, 32 bits each. A counter that the kernel does not know is left out: 5.4 lacks the last two, and those since 4.9 the first. */
export type Counters = Readonly<Partial<Record<Counter, number>>>;

export interface CPUCounters {
	readonly cpu: number;
	readonly counters: Counters;
}

/** Asks for the counters of each possible CPU, one message each. */
export function getCPUCounters(w: Writer, seq: number): void {
	const flags = NLM_F_REQUEST | NLM_F_DUMP;
	w.message(IPCTNL_MSG_CT_GET_STATS_CPU, flags, seq, () =>
		nfgenmsg(w, AF_UNSPEC),
	);
}

/** Reads one message of the answer to `getCPUCounters`. Throws DecodeError. */
export function readCPUCounters(b: RecvBuffer, m: Message): CPUCounters {
	const from = attributesAt(m);
	if (m.end < from) throw new DecodeError("statistics without their header");
	const words = new Map<number, number>();
	attributes(b, from, m.end, (type, at, length) => {
		if (length === 4) words.set(type, b.view.getUint32(at));
	});
	const counters: Partial<Record<Counter, number>> = {};
	for (const name of COUNTERS) {
		const value = words.get(COUNTER_TYPES[name]);
		if (value !== undefined) counters[name] = value;
	}
	// nfgenmsg.res_id
	return { cpu: b.view.getUint16(from - 2), counters };
}
