// Rules that are made of steps and not of bytes, for tests of the walk through them.

import type {
	BaseChain,
	ChainID,
	Element,
	Knowledge,
	SetShape,
	Step,
} from "../../../src/rules/model.ts";

export const TABLE = { backend: "nft", family: 2, table: "t" } as const;

/** A set and its elements. */
export interface KnownSet {
	readonly shape?: Partial<SetShape>;
	readonly elements: readonly Partial<Element>[];
}

export const chainNamed = (chain: string): ChainID => ({ ...TABLE, chain });

/** Returns the base chain of this name, of hook prerouting and priority -100. */
export function baseNamed(
	chain: string,
	more: Partial<BaseChain> = {},
): BaseChain {
	return {
		...chainNamed(chain),
		hook: "prerouting",
		priority: -100,
		policy: "accept",
		...more,
	};
}

/** Returns rules by their chains, each a list of steps, and sets by their names. */
export function knowing(
	chains: Readonly<Record<string, readonly (readonly Step[])[]>>,
	sets: Readonly<Record<string, KnownSet>> = {},
	bases: readonly BaseChain[] = [],
): Knowledge {
	const elements: Knowledge["elements"] = (_, set) =>
		sets[set]?.elements.map((e) => ({
			key: new Uint8Array(),
			keyEnd: undefined,
			isEnd: false,
			isCatchAll: false,
			isLimited: false,
			data: undefined,
			...e,
		}));
	return {
		bases,
		rules: ({ chain }) =>
			chains[chain]?.map((steps, i) => ({
				...chainNamed(chain),
				handle: i + 1,
				steps,
			})),
		shape: (_, set) =>
			sets[set] && {
				keyLength: 2,
				isInterval: false,
				parts: [],
				changes: false,
				grows: false,
				...sets[set].shape,
			},
		elements,
		element: (chain, set, key) =>
			elements(chain, set)?.find((e) =>
				key ? `${e.key}` === `${key}` && !e.isCatchAll : e.isCatchAll,
			) ?? null,
	};
}
