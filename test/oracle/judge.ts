// Compares what install did to a directory with what the programs really call. It
// returns sentences; a directory without one is in order.

import type { ChainPlan } from "../../src/install/plan.ts";
import { DIFFERENCES, type Difference } from "./differences.ts";
import type { Loaded } from "./oracle.ts";

const OURS = "conntrack-flush";

type Chain = NonNullable<Loaded["plugins"]>;

/** What install made of the directory: a plan that was carried out, a refusal, or nothing to do yet. */
export type Outcome =
	| { readonly plan: ChainPlan }
	| { readonly refused: string }
	| { readonly waiting: true };

/** Returns the network whose plugins are called for a pod: with Multus, the one that it calls. */
export function effective(loaded: Loaded): Loaded {
	const { delegate, plugins = [] } = loaded;
	// with portmap beside it, Multus is one plugin of a chain like any other
	return delegate && !plugins.some(isPortmap) ? delegate : loaded;
}

/** Returns the difference on purpose that explains a refusal of what a program loads. */
export function explained(refused: string): Difference | undefined {
	return DIFFERENCES.find(({ said }) => said.test(refused));
}

/** Returns what is wrong with the outcome, given what the program loads before it and after it. */
export function faults(
	outcome: Outcome,
	isCrio: boolean,
	before: Loaded,
	after: Loaded,
): string[] {
	const called = effective(before);
	const loads = called.error === undefined;
	if ("waiting" in outcome)
		return loads ? ["install waits, though a network is loaded"] : [];
	if ("refused" in outcome)
		return loads && !explained(outcome.refused)
			? [`refused, though it is loaded: ${outcome.refused}`]
			: [];
	if (!loads) return [`installed, though it is not loaded: ${called.error}`];
	return [
		...placed(called.plugins ?? [], effective(after), isCrio),
		...noted(outcome.plan, before, called, isCrio),
	];
}

/** The chain afterwards must be the one before, with our plugin items in their places: around the last portmap, or one after it. */
function placed(chain: Chain, after: Loaded, isCrio: boolean): string[] {
	if (after.error !== undefined)
		return [`not loaded afterwards: ${after.error}`];
	const now = after.plugins ?? [];
	const typesOf = (plugins: Chain): string =>
		plugins.map(({ type }) => type).join(" ");
	const ours = now.flatMap(({ type, on = "both" }, i) =>
		type === OURS ? [`${on} ${i - now.findLastIndex(isPortmap)}`] : [],
	);
	const isSingle = ours.length === 1 && /^both [1-9]/.test(ours[0] ?? "");
	const isSplit = !isCrio && ours.join() === "del -1,add 1";
	return (isSingle || isSplit) &&
		typesOf(now.filter(({ type }) => type !== OURS)) === typesOf(chain)
		? []
		: [`the chain is ${typesOf(now)}: ${ours}`];
}

/** A portmap that maps nothing must be told of, and no other. */
function noted(
	{ notes }: ChainPlan,
	before: Loaded,
	called: Loaded,
	isCrio: boolean,
): string[] {
	const chain = called.plugins ?? [];
	const deaf =
		chain.some(isPortmap) && !chain.some((p) => isPortmap(p) && hears(p));
	const [first] = before.plugins ?? [];
	const viaDeaf = called !== before && first !== undefined && !hears(first);
	return [["portmap, ", deaf] as const, ["Multus, ", viaDeaf] as const]
		.filter(
			([word, is]) => notes.some((n) => n.startsWith(word)) !== (is && !isCrio),
		)
		.map(
			([word, is]) =>
				`${word}is ${is ? "deaf, and nothing says so" : "not deaf, and a note says so"}`,
		);
}

function isPortmap({ type }: { readonly type: string }): boolean {
	return type === "portmap";
}

function hears({ capabilities }: Chain[number]): boolean {
	return capabilities?.portMappings === true;
}
