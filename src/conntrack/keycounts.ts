// Counts keys in constant memory. The counts are exact while there is room for every key.
// After that the frequent keys stay, and the error has a bound (Anderson et al., "A
// High-Performance Algorithm for Identifying Frequent Items in Data Streams", 2017).

/** A key and how often it came: at least `count` times, and at most `KeyCounts.missing` times more. */
export interface KeyCount {
	/** The address in network order. */
	readonly address: Uint8Array;
	readonly tail: number;
	readonly count: number;
}

/** Room for 6144 keys. */
const BITS = 13;

/** A key is an address of one family, and one more number. */
export class KeyCounts {
	/** No count is further below the truth than this. */
	missing = 0;
	/** The words of an address: 1 or 4. */
	readonly #words: 1 | 4;
	/** An address and a tail in each slot. */
	#keys: Int32Array;
	/** 0 for a slot that is free. */
	#counts: Int32Array;
	#used = 0;

	/** There is room for three quarters of 2^bits keys. */
	constructor(words: 1 | 4, bits = BITS) {
		this.#words = words;
		this.#keys = new Int32Array((words + 1) << bits);
		this.#counts = new Int32Array(1 << bits);
	}

	/**
	 * Counts the keys of `n` rows, each once or `times`. A row has `stride` numbers; the one
	 * in the column `column` is the word of `memory` where the address stands, and the next
	 * one is the key's tail. This runs twice for every entry of a node, so it works as
	 * `skipOthers` does, without objects and calls.
	 */
	add(
		memory: Int32Array,
		rows: Int32Array,
		n: number,
		stride: number,
		column: number,
		times?: Int32Array,
	): void {
		var words = this.#words;
		var keys = this.#keys;
		var counts = this.#counts;
		var mask = counts.length - 1;
		var isLong = words === 4;
		var size = words + 1;
		var row = column;
		var at = 0;
		var tail = 0;
		var first = 0;
		var second = 0;
		var third = 0;
		var fourth = 0;
		var hash = 0;
		var slot = 0;
		var key = 0;
		var seen = 0;
		var i = 0;
		for (; i < n; i++) {
			at = rows[row] as number;
			tail = rows[row + 1] as number;
			row += stride;
			first = memory[at] as number;
			hash = first ^ (tail << 3);
			if (isLong) {
				second = memory[at + 1] as number;
				third = memory[at + 2] as number;
				fourth = memory[at + 3] as number;
				hash ^= (second << 5) ^ (third << 9) ^ fourth;
			}
			// the bits in which the addresses of one network differ are the last in memory
			slot = (hash ^ (hash >>> 13) ^ (hash >>> 19)) & mask;
			seen = counts[slot] as number;
			while (seen !== 0) {
				key = slot * size;
				if (
					keys[key] === first &&
					keys[key + words] === tail &&
					(!isLong ||
						(keys[key + 1] === second &&
							keys[key + 2] === third &&
							keys[key + 3] === fourth))
				)
					break;
				slot = (slot + 1) & mask;
				seen = counts[slot] as number;
			}
			counts[slot] = seen + (times === undefined ? 1 : (times[i] as number));
			if (seen !== 0) continue;
			key = slot * size;
			keys[key] = first;
			if (isLong) {
				keys[key + 1] = second;
				keys[key + 2] = third;
				keys[key + 3] = fourth;
			}
			keys[key + words] = tail;
			if (++this.#used <= (counts.length >> 2) * 3) continue;
			this.#purge();
			keys = this.#keys;
			counts = this.#counts;
		}
	}

	/** Returns the keys in descending order of their counts, at most `most`. */
	top(most: number): KeyCount[] {
		const counts = this.#counts;
		const words = this.#words;
		return this.#slots()
			.sort((a, b) => (counts[b] as number) - (counts[a] as number))
			.slice(0, most)
			.map((slot) => {
				const from = slot * (words + 1);
				const key = this.#keys.slice(from, from + words + 1);
				return {
					address: new Uint8Array(key.buffer, 0, 4 * words),
					tail: key[words] as number,
					count: counts[slot] as number,
				};
			});
	}

	/** Takes the median of all counts from each of them, and drops the keys that have no more than that. */
	#purge(): void {
		const keys = this.#keys;
		const counts = this.#counts;
		const words = this.#words;
		const sorted = counts.filter((n) => n > 0).sort();
		const median = sorted[sorted.length >> 1] as number;
		const kept = this.#slots().filter(
			(slot) => (counts[slot] as number) > median,
		);
		this.missing += median;
		this.#keys = new Int32Array(keys.length);
		this.#counts = new Int32Array(counts.length);
		this.#used = 0;
		const rows = kept.flatMap((slot) => {
			const at = slot * (words + 1);
			return [at, keys[at + words] as number];
		});
		const left = kept.map((slot) => (counts[slot] as number) - median);
		const { length } = kept;
		this.add(keys, Int32Array.from(rows), length, 2, 0, Int32Array.from(left));
	}

	/** Returns the slots that are used. */
	#slots(): number[] {
		const slots: number[] = [];
		if (this.#used === 0) return slots;
		const counts = this.#counts;
		for (let slot = 0; slot < counts.length; slot++)
			if (counts[slot] !== 0) slots.push(slot);
		return slots;
	}
}
