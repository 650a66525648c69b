// What is counted of a whole table, in constant memory: entries by protocol and state, by
// source, by destination, and by groups of addresses, such as pods.

import type { Family } from "../net/ip.ts";
import { type AddressGroup, GroupCounts } from "./groupcounts.ts";
import { KeyCounts } from "./keycounts.ts";

/** The entries to count. */
export interface CensusQuery {
	readonly family: Family | undefined;
	/** The numbers of protocols; undefined for all. */
	readonly protos: readonly number[] | undefined;
	readonly groups: readonly AddressGroup[];
}

/** There is room for so many states of each protocol: see `Census.states`. */
export const STATES_EACH = 16;
/** The states of protocols other than TCP, which has those of the kernel's numbers. */
export const STATES = ["UNREPLIED", "REPLIED", "ASSURED"] as const;
/** So many entries fit into a datagram of 32 KiB, and more. */
const MOST = 512;

/** The state of TCP in a flowtable, which the kernel does not say. */
export const NO_STATE = 15;

/** The columns of `Census.met`, which has so many numbers for each entry. */
export const COLUMNS = 5;
/** The word of the address that began the entry. */
export const BEGAN = 0;
/** The word of the address that it came to; 65536 × protocol + port, as the halves of the buffer show it, is in the next column. */
export const CAME = 2;
/** The word of the address that it leads to. */
export const LEADS = 4;

/** The counts of one pass over a table. */
export class Census {
	/** The entries that were read. */
	read = 0;
	/** The part of the table that they are, if they are a sample of it: 0 to 1. */
	share = 1;
	/** The entries that were counted, because they were wanted and could be decoded. */
	entries = 0;
	undecodable = 0;
	/** The words from an entry's status to its state of TCP, where the last that was looked for had it. */
	stateAt = 0;
	/** 1 by the number of each protocol to count; undefined for all. */
	readonly protos: Uint8Array | undefined;
	/** By STATES_EACH × protocol + state. */
	readonly states = new Int32Array(256 * STATES_EACH);
	/** By address; the tail is 0. */
	readonly sources = { v4: new KeyCounts(1), v6: new KeyCounts(4) };
	/** By address; the tail is that of CAME. */
	readonly destinations = { v4: new KeyCounts(1), v6: new KeyCounts(4) };
	readonly groups: GroupCounts | undefined;
	/** Entries that were met and are not in the counts by address yet: their numbers, and COLUMNS for each. */
	readonly met = {
		n4: 0,
		n6: 0,
		v4: new Int32Array(COLUMNS * MOST),
		v6: new Int32Array(COLUMNS * MOST),
	};

	constructor({ protos, groups }: CensusQuery) {
		if (protos !== undefined)
			this.protos = Uint8Array.from({ length: 256 }, (_, proto) =>
				Number(protos.includes(proto)),
			);
		if (groups.length > 0) this.groups = new GroupCounts(groups);
	}

	/** Counts by their addresses the entries that were met. It must come before the buffer, which `memory` shows, is used again. */
	settle(memory: Int32Array): void {
		const { met, sources, destinations, groups } = this;
		const { n4, n6, v4, v6 } = met;
		this.entries += n4 + n6;
		sources.v4.add(memory, v4, n4, COLUMNS, BEGAN);
		sources.v6.add(memory, v6, n6, COLUMNS, BEGAN);
		destinations.v4.add(memory, v4, n4, COLUMNS, CAME);
		destinations.v6.add(memory, v6, n6, COLUMNS, CAME);
		groups?.add(memory, true, v4, n4, COLUMNS, BEGAN, LEADS);
		groups?.add(memory, false, v6, n6, COLUMNS, BEGAN, LEADS);
		met.n4 = 0;
		met.n6 = 0;
	}
}
