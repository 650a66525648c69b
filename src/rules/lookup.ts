// Lookups in sets and maps: which elements a key may find. The elements are read by
// store.ts; a set that changes by itself both hits and misses.

import {
	type ChainID,
	compareBytes,
	type Element,
	type Knowledge,
	type SetShape,
	type Step,
} from "./model.ts";
import type { Registers } from "./registers.ts";

/** The elements that a lookup may find, and whether it may find none. */
export interface Hits {
	readonly hits: readonly Element[];
	readonly misses: boolean;
}

/** Returns what a lookup may find. For a lookup that is inverted, "found" means that the rule ends. */
export function hitsOf(
	known: Knowledge,
	chain: ChainID,
	step: Extract<Step, { is: "lookup" }>,
	registers: Registers,
): Hits {
	const { set, to, isInverted } = step;
	const shape = known.shape(chain, set);
	if (!shape) return NONE;
	const { keyLength, isInterval, changes, grows } = shape;
	// whether the key is in it does not matter: it may be added or removed at any time
	if (changes && to === undefined) return { hits: [ANY], misses: true };
	if (grows) return { hits: [ANY], misses: true };
	const key = registers.value(step.from, keyLength);
	// one element is asked for where the key is all that decides
	const elements =
		key && !isInterval && !changes
			? undefined
			: (known.elements(chain, set) ?? []);
	if (changes)
		return { hits: elements?.filter((e) => !e.isEnd) ?? [], misses: true };
	if (!key) {
		const { bytes, known: mask } = registers.partial(step.from, keyLength);
		const hits = elements?.filter(
			(e) => !e.isEnd && (isInterval || mayBe(e, bytes, mask)),
		);
		return { hits: hits ?? [], misses: true };
	}
	const forOthers = (): Element | null | undefined =>
		elements
			? elements.find((e) => e.isCatchAll)
			: known.element(chain, set, undefined);
	// nft_lookup_eval asks for this element even if an inverted lookup has failed
	if (isInverted && forOthers()) return NONE;
	const found = elements
		? inIntervals(shape, elements, key)
		: known.element(chain, set, key);
	const hit = found === null || elements ? (found ?? forOthers()) : found;
	return hit ? { hits: [hit], misses: hit.isLimited } : NONE;
}

const NONE: Hits = { hits: [], misses: true };

/** Stands for some element of a set. In a map it has data that nobody knows. */
const ANY: Element = {
	key: new Uint8Array(),
	keyEnd: undefined,
	isEnd: false,
	isCatchAll: false,
	isLimited: false,
	data: { is: "unclear" },
};

/** Returns true if the element has the bytes of the key that are known. */
function mayBe(e: Element, bytes: Uint8Array, known: Uint8Array): boolean {
	return e.isCatchAll || e.key.every((b, i) => !known[i] || b === bytes[i]);
}

/** Returns the element whose interval holds the key. */
function inIntervals(
	{ parts }: SetShape,
	elements: readonly Element[],
	key: Uint8Array,
): Element | undefined {
	if (parts.length > 0)
		return elements.find((e) => !e.isCatchAll && isInParts(e, key, parts));
	// an interval begins at an element and ends before the next one (nft_rbtree_lookup)
	let last: Element | undefined;
	for (const e of elements) {
		if (e.isCatchAll || compareBytes(e.key, key) > 0) continue;
		const order = last ? compareBytes(e.key, last.key) : 1;
		if (order > 0 || (order === 0 && last?.isEnd)) last = e;
	}
	return last?.isEnd ? undefined : last;
}

/** Returns true if each part of the key is in the element's range for it (nft_pipapo_lookup). */
function isInParts(
	{ key: min, keyEnd: max = min }: Element,
	key: Uint8Array,
	parts: readonly number[],
): boolean {
	let at = 0;
	for (const length of parts) {
		const part = key.subarray(at, at + length);
		if (
			compareBytes(part, min.subarray(at, at + length)) < 0 ||
			compareBytes(part, max.subarray(at, at + length)) > 0
		)
			return false;
		// each part of a concatenation begins at a register of 32 bits
		at += (length + 3) & ~3;
	}
	return true;
}
