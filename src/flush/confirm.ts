// The confirmation by the rules: of the entries that the predicate calls stale, those go
// that the kernel, asked now, would send elsewhere. Rules are read only if there are such
// entries. If they cannot be read, the predicate decides alone, and the log says so. If they
// change again and again, nothing goes, and the pass is for whoever comes later.

import type { Entry } from "../conntrack/entry.ts";
import { addressOf } from "../conntrack/verdictcache.ts";
import { isUsedUp, type Log, wordsOf } from "../log.ts";
import { DeadlineError } from "../netlink/deadline.ts";
import type { Mapping } from "../policy/mapping.ts";
import { isOfOthers, type Ruling, rulingOn } from "../policy/ruling.ts";
import { UnsettledRulesError } from "../rules/ruleset.ts";
import { familiesIn, RulesView } from "./rulesview.ts";
import type { Confirm, Removed } from "./search.ts";
import type { Shared } from "./shared.ts";

/** Returns the mappings that claim the entry's frontend, or undefined if the verdict rests on none and stands. */
export type Claims = (e: Entry) => readonly Mapping[] | undefined;

/** What the confirmation needs to know about a request. */
export interface Claimed {
	readonly claims: Claims;
	/** Returns true if the entry stays where the rules are not known. */
	readonly isSpared: (e: Entry) => boolean;
	/** True if an entry stays only where the rules may lead it, whoever they send its frontend to. */
	readonly isDoomed?: boolean;
}

/** Returns a confirmation by the rules, which are read when the first verdict of the pass rests on a claim. */
export function confirmByRules(
	shared: Shared,
	log: Log,
	{ claims, isSpared, isDoomed = false }: Claimed,
): Confirm {
	const open = async (): Promise<RulesView> => {
		const { host, deadline, ports } = shared;
		const known = await shared.locals(familiesIn(ports));
		return RulesView.open(host, deadline, ports, { known });
	};
	let isGivenUp = false;
	let reading: number | undefined;
	/** By example: the rulings of that reading that do not depend on the client, for the node itself and for others. */
	let ofNode: WeakMap<Entry, Ruling>;
	let ofOthers: WeakMap<Entry, Ruling>;
	const rule = async (
		rules: RulesView,
		{ example, client }: Removed,
		known: WeakMap<Entry, Ruling>,
	): Promise<Ruling> => {
		const mappings = claims(example);
		let ruling: Ruling = "stale";
		let isShared = true;
		// no rule made it, so no rule can lead there
		if (mappings && isDoomed && isOfOthers(example)) ruling = "agrees";
		else if (mappings) {
			const orig = { ...example.orig, src: addressOf(client) };
			const prospect = await rules.prospect({ ...example, orig });
			ruling = rulingOn(prospect, example, mappings);
			isShared = prospect.isShared;
		}
		if (isShared) known.set(example, ruling);
		return ruling;
	};
	/** Returns the rulings, all by one generation of the rules. */
	const rulings = async (removals: readonly Removed[]): Promise<Ruling[]> => {
		if (!removals.some(({ example }) => claims(example)))
			return removals.map(() => "stale");
		const rules = await shared.rules(open);
		let all: Ruling[] = [];
		for (const part of rules.partsOf(removals)) {
			rules.lookFor(part);
			all = all.concat(await rules.settled(() => rulingsOf(rules, part)));
		}
		return all;
	};
	const rulingsOf = async (
		rules: RulesView,
		removals: readonly Removed[],
	): Promise<Ruling[]> => {
		// a long pass confirms what it finds part by part
		if (rules.reading !== reading) {
			reading = rules.reading;
			ofNode = new WeakMap();
			ofOthers = new WeakMap();
		}
		const found: Ruling[] = [];
		for (const r of removals) {
			const known = rules.isOfNode(r.client) ? ofNode : ofOthers;
			// no promise for each of thousands
			found.push(known.get(r.example) ?? (await rule(rules, r, known)));
		}
		return found;
	};
	const withoutRules = ({ example }: Removed): boolean =>
		claims(example) === undefined || !isSpared(example);
	return async (removals) => {
		if (isGivenUp) return removals.filter(withoutRules);
		try {
			const found = await rulings(removals);
			return removals.filter((r, i) => {
				if (found[i] === "unknown") return withoutRules(r);
				return isDoomed ? found[i] !== "agrees" : found[i] === "stale";
			});
		} catch (e) {
			// there are rules, so the records alone must not decide
			if (
				isUsedUp(e) ||
				e instanceof DeadlineError ||
				e instanceof UnsettledRulesError
			)
				throw e;
			isGivenUp = true;
			log("debug", "judged without the rules", { error: wordsOf(e) });
			return removals.filter(withoutRules);
		}
	};
}
