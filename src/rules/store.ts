// The rules of one generation, as far as they have been read: one chain, set or element for
// each request. It notes what the evaluation has asked for and did not find, so that the
// walk through the rules stays pure.

import { EINVAL, ENOENT } from "../netlink/errno.ts";
import type { Exchange } from "../netlink/exchange.ts";
import { NetlinkError } from "../netlink/nl.ts";
import { readAll } from "./dump.ts";
import { readRule } from "./expressions.ts";
import type { LegacyRules } from "./legacy.ts";
import {
	type BaseChain,
	type ChainID,
	chainKey,
	type Element,
	type Interest,
	type Knowledge,
	type NatRule,
	type Outcome,
	type SetShape,
} from "./model.ts";
import {
	getElement,
	getElements,
	getRulesOf,
	getSet,
	NFT_MSG_NEWRULE,
	NFT_MSG_NEWSETELEM,
	readElements,
	readSet,
} from "./nft.ts";

/** More rules than this are not held: about 1 kB each. */
const MOST_RULES = 8192;
/** A set of more elements than this is not held: about 0.3 kB each. */
const MOST_ELEMENTS = 16_384;

/** The outcomes for a packet. */
export interface Outcomes {
	readonly all: readonly Outcome[];
	/** The parts of the packet beyond its destination that a rule has asked for. */
	readonly asks: ReadonlySet<"source" | "interface">;
}

/** Reads a part of the rules that an evaluation needed and did not find. */
type Missing = (requests: Exchange) => Promise<void>;

export class Store implements Knowledge {
	readonly generation: number | undefined;
	readonly outcomes = new Map<string, Outcomes>();
	readonly bases: BaseChain[];
	readonly #interest: Interest;
	readonly #legacy: LegacyRules[] = [];
	readonly #rules = new Map<string, readonly NatRule[]>();
	readonly #shapes = new Map<string, SetShape>();
	readonly #elements = new Map<string, readonly Element[]>();
	readonly #element = new Map<string, Element | null>();
	/** The rules of all chains. */
	#held = 0;
	#missing = new Map<string, Missing>();

	constructor(
		interest: Interest,
		generation: number | undefined,
		bases: BaseChain[],
	) {
		this.#interest = interest;
		this.generation = generation;
		this.bases = bases;
	}

	/** The parts that have been read. */
	get size(): number {
		return (
			this.#rules.size +
			this.#shapes.size +
			this.#elements.size +
			this.#element.size
		);
	}

	/** Returns the parts that were asked for and not found since the last call. */
	takeMissing(): Missing[] {
		const missing = [...this.#missing.values()];
		this.#missing = new Map();
		return missing;
	}

	rules(chain: ChainID): readonly NatRule[] | undefined {
		if (chain.backend === "legacy") return this.#legacyRules(chain);
		return this.#known(this.#rules, chainKey(chain), async (requests) => {
			const rules = await readAll(
				requests,
				`read chain ${chain.chain}`,
				(w, seq) => getRulesOf(w, seq, chain),
				(b, m, found: NatRule[]) => {
					if (m.type !== NFT_MSG_NEWRULE) return;
					const rule = readRule(b, m, chain, this.#interest);
					if (!rule) return;
					if (this.#held + found.push(rule) > MOST_RULES)
						throw new Error(`more than ${MOST_RULES} nat rules`);
				},
			);
			this.#held += rules.length;
			return rules;
		});
	}

	shape(chain: ChainID, set: string): SetShape | undefined {
		return this.#known(this.#shapes, setKey(chain, set), (requests) =>
			requests.ask(
				`read set ${set}`,
				(w, seq) => getSet(w, seq, chain, set),
				readSet,
			),
		);
	}

	elements(chain: ChainID, set: string): readonly Element[] | undefined {
		const key = setKey(chain, set);
		return this.#known(this.#elements, key, async (requests) => {
			let isTooLarge = false;
			const found = await readAll(
				requests,
				`read set ${set}`,
				(w, seq) => getElements(w, seq, chain, set),
				(b, m, elements: Element[]) => {
					if (m.type !== NFT_MSG_NEWSETELEM) return false;
					// a loop and not a spread, because a message has hundreds of them
					for (const e of readElements(b, m)) elements.push(e);
					isTooLarge = elements.length > MOST_ELEMENTS;
					return isTooLarge;
				},
			);
			if (!isTooLarge) return found;
			// the kernel would go on with the dump
			requests.close();
			const shape = this.#shapes.get(key);
			// a lookup in it then counts as one in a set that packets change
			if (shape)
				this.#shapes.set(key, { ...shape, changes: true, grows: true });
			return [];
		});
	}

	element(
		chain: ChainID,
		set: string,
		key: Uint8Array | undefined,
	): Element | null | undefined {
		return this.#known(
			this.#element,
			`${setKey(chain, set)} ${key}`,
			(requests) => findElement(requests, chain, set, key),
		);
	}

	/** Returns what is known under the key; what is not is noted as missing. */
	#known<T>(
		known: Map<string, T>,
		key: string,
		read: (requests: Exchange) => Promise<T>,
	): T | undefined {
		const found = known.get(key);
		if (found === undefined)
			this.#missing.set(key, async (requests) => {
				known.set(key, await read(requests));
			});
		return found;
	}

	/** Adds a table of legacy iptables. */
	addLegacy(legacy: LegacyRules): void {
		this.bases.push(...legacy.chains);
		this.#legacy.push(legacy);
	}

	/** Returns the rules of a chain of legacy iptables, which are all there. Throws DecodeError. */
	#legacyRules(chain: ChainID): readonly NatRule[] {
		const key = chainKey(chain);
		const known = this.#rules.get(key);
		if (known) return known;
		const rules = this.#legacy.map((l) => l.rules.get(key)).find((r) => r);
		this.#rules.set(key, rules ?? []);
		return rules ?? [];
	}
}

/** Returns the name under which a set is kept. */
function setKey({ family, table }: ChainID, set: string): string {
	return `${family} ${table} ${set}`;
}

/** Returns null if no element has the key. */
async function findElement(
	requests: Exchange,
	chain: ChainID,
	set: string,
	key: Uint8Array | undefined,
): Promise<Element | null> {
	try {
		return await requests.ask(
			`look up in set ${set}`,
			(w, seq) => getElement(w, seq, chain, set, key),
			(b, m) => readElements(b, m)[0] ?? null,
		);
	} catch (e) {
		// EINVAL: kernels before 5.13 know no element for all other keys
		if (
			e instanceof NetlinkError &&
			(e.errno === ENOENT || (e.errno === EINVAL && !key))
		)
			return null;
		throw e;
	}
}
