// The rounds of the accuracy test: which seeds, and which programs called iptables.
// RULES_SEED for other rounds, or for one that failed; RULES_ROUNDS for more of them.

import type { Backends } from "../support/rules/scene.ts";

export interface Planned {
	readonly seed: number;
	readonly backends: Backends;
}

/** The rounds have one program called iptables, the other, or both, in turn. */
const BACKENDS: readonly Backends[] = [["nft"], ["legacy"], ["nft", "legacy"]];

const SEED = Number(process.env.RULES_SEED ?? 1);

function rounds(count: number): readonly Planned[] {
	return Array.from({ length: count }, (_, i) => ({
		seed: SEED + i,
		backends: BACKENDS[(SEED + i) % BACKENDS.length] ?? ["nft"],
	}));
}

/** There is time for so many with every change. */
export const SHORT = rounds(60);
export const ASKED = rounds(Number(process.env.RULES_ROUNDS ?? SHORT.length));
