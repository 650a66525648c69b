// Numbers that look random and are the same in every run: a property test that
// fails must fail again.

export interface Random {
	/** 0 … n - 1 */
	below(n: number): number;
	chance(probability: number): boolean;
	pick<T>(items: readonly T[]): T;
	shuffled<T>(items: readonly T[]): T[];
	bytes(n: number): Uint8Array;
}

/** mulberry32 */
export function random(seed: number): Random {
	let state = seed >>> 0;
	const next = (): number => {
		state = (state + 0x6d2b79f5) >>> 0;
		let x = state;
		x = Math.imul(x ^ (x >>> 15), x | 1);
		x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
		return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
	};
	const below = (n: number): number => Math.floor(next() * n);
	return {
		below,
		chance: (probability) => next() < probability,
		pick<T>(items: readonly T[]): T {
			if (items.length === 0) throw new Error("nothing to pick from");
			return items[below(items.length)] as T;
		},
		shuffled<T>(items: readonly T[]): T[] {
			const all = [...items];
			for (let i = all.length - 1; i > 0; i--) {
				const j = below(i + 1);
				[all[i], all[j]] = [all[j] as T, all[i] as T];
			}
			return all;
		},
		bytes: (n) => Uint8Array.from({ length: n }, () => below(256)),
	};
}
