// Which chain calls which: the ways from the kernel's hooks to a rule. It knows the
// chains that it was given, and not under which conditions they call each other.

import {
	type BaseChain,
	type ChainID,
	chainKey,
	type NatRule,
} from "./model.ts";

export class Callers {
	/** The callers of each chain that is called. */
	readonly #callers = new Map<string, Map<string, ChainID>>();
	readonly #bases = new Set<string>();

	/** Adds a chain that the kernel itself calls. */
	addBase(chain: BaseChain): void {
		this.#bases.add(chainKey(chain));
	}

	/** Adds the calls of a rule. */
	add({ steps, backend, family, table, chain }: NatRule): void {
		const caller = { backend, family, table, chain };
		for (const step of steps) {
			if (step.is !== "jump" && step.is !== "goto") continue;
			const called = chainKey({ ...caller, chain: step.chain });
			const callers = this.#callers.get(called) ?? new Map();
			callers.set(chainKey(caller), caller);
			this.#callers.set(called, callers);
		}
	}

	/** Returns the last chain on the way back to a hook that nothing calls, or undefined if a way leads to a hook. */
	gapBefore(chain: ChainID): ChainID | undefined {
		const seen = new Set<string>();
		const gapOf = (one: ChainID): ChainID | undefined => {
			const key = chainKey(one);
			seen.add(key);
			if (this.#bases.has(key)) return undefined;
			let gap: ChainID | undefined = one;
			for (const [name, caller] of this.#callers.get(key) ?? []) {
				if (seen.has(name)) continue;
				gap = gapOf(caller);
				if (!gap) return undefined;
			}
			return gap;
		};
		return gapOf(chain);
	}
}
