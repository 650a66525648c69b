// Counts the entries of groups of addresses, such as pods: those that a group began, and
// those that lead to it.

import { type IP, ipBytes } from "../net/ip.ts";
import { halfAt } from "../netlink/nl.ts";

/** Addresses that are counted together. */
export interface AddressGroup {
	readonly name: string;
	readonly ips: readonly IP[];
}

export interface GroupCount {
	readonly name: string;
	/** Entries that it began, that lead to it, or both. */
	readonly entries: number;
	readonly began: number;
	readonly leads: number;
}

export class GroupCounts {
	/** By the last 16 bits of an address as a received buffer shows them: 1 if an address of a group may end so. */
	readonly #marks = new Uint8Array(65536);
	readonly #groups: readonly AddressGroup[];
	/** The groups' places in `#groups`, by the word of an IPv4 address, or the words of an IPv6 address as text. */
	readonly #known = new Map<number | string, number>();
	readonly #counts: readonly {
		entries: number;
		began: number;
		leads: number;
	}[];

	/** An address that is in several groups counts for the last of them. */
	constructor(groups: readonly AddressGroup[]) {
		this.#groups = groups;
		this.#counts = groups.map(() => ({ entries: 0, began: 0, leads: 0 }));
		for (const [n, { ips }] of groups.entries())
			for (const ip of ips) {
				const bytes = ipBytes(ip);
				const words = new Int32Array(bytes.slice().buffer);
				this.#marks[halfAt(bytes, bytes.length - 2)] = 1;
				this.#known.set(keyAt(words, 0, bytes.length === 4), n);
			}
	}

	/** Counts `n` entries of one family. A row has `stride` numbers; two of them are the words of `memory` where the addresses stand, of who began the entry and of whom it leads to. */
	add(
		memory: Int32Array,
		v4: boolean,
		rows: Int32Array,
		n: number,
		stride: number,
		began: number,
		leads: number,
	): void {
		const halves = new Uint16Array(memory.buffer);
		const marks = this.#marks;
		// the last half of an address
		const last = v4 ? 1 : 7;
		for (let row = 0; row < n * stride; row += stride) {
			const src = rows[row + began] as number;
			const to = rows[row + leads] as number;
			if (
				marks[halves[2 * src + last] as number] === 1 ||
				marks[halves[2 * to + last] as number] === 1
			)
				this.#count(
					this.#known.get(keyAt(memory, src, v4)),
					this.#known.get(keyAt(memory, to, v4)),
				);
		}
	}

	/** Returns the groups that have entries, in descending order of their number, at most `most`. */
	top(most: number): GroupCount[] {
		return this.#counts
			.map((counted, n) => ({ name: this.#groups[n]?.name ?? "", ...counted }))
			.filter(({ entries }) => entries > 0)
			.sort((a, b) => b.entries - a.entries)
			.slice(0, most);
	}

	#count(began: number | undefined, leads: number | undefined): void {
		const first = this.#counts[began ?? -1];
		const second = this.#counts[leads ?? -1];
		if (first) first.began++;
		if (second) second.leads++;
		// an entry of a group with itself is one entry
		for (const counted of new Set([first, second]))
			if (counted) counted.entries++;
	}
}

function keyAt(memory: Int32Array, at: number, v4: boolean): number | string {
	return v4 ? (memory[at] as number) : memory.slice(at, at + 4).join();
}
