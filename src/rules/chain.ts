// The walk through a chain and its rules, with every branch that the packet may take
// (nft_do_chain). The order of the base chains is in evaluate.ts, the registers are in
// registers.ts.

import { hitsOf } from "./lookup.ts";
import {
	type ChainID,
	type ChainVerdict,
	chainKey,
	type Knowledge,
	type NatRule,
	type NatTarget,
	NFPROTO_INET,
	type Outcome,
	type Packet,
	type Register,
	type Step,
} from "./model.ts";
import { isSpan } from "./natrange.ts";
import { Registers } from "./registers.ts";

/** All the ways in which a packet may leave a chain. */
export interface Ends {
	/** It may reach the end of the chain, or return from it. */
	falls: boolean;
	/** It may be accepted as it is: no rule of this base chain sees it any more. */
	accepts: boolean;
	/** A set, because many rules may call the same chain. */
	readonly outcomes: Set<Outcome>;
}

/** The ways in which a packet may leave a rule. */
interface RuleEnds extends Ends {
	/** It may come to the next rule. */
	goesOn: boolean;
}

/** A rule that may take more ways than this is not followed. */
const MOST_BRANCHES = 4096;

/** Returns the ends of a chain. `memory` holds those that are known: a chain does the same from wherever it is called. */
export function endsOf(
	known: Knowledge,
	chain: ChainID,
	p: Packet,
	memory: Map<string, Ends>,
): Ends {
	const key = chainKey(chain);
	const before = memory.get(key);
	if (before) return before;
	const ends: RuleEnds = {
		falls: false,
		accepts: false,
		outcomes: new Set(),
		goesOn: true,
	};
	// The kernel has no circle of chains. Chains of two generations may look like one, and
	// then the walk must end before the change is noticed.
	memory.set(key, ends);
	const registers = new Registers();
	for (const rule of known.rules(chain) ?? []) {
		if (rule.ports && !rule.ports.includes(p.dport)) continue;
		ends.goesOn = false;
		registers.clear();
		walk({ known, rule, p, memory, ends, branches: 0 }, 0, registers);
		if (!ends.goesOn) break;
	}
	// the end of a chain is a return
	if (ends.goesOn) ends.falls = true;
	return ends;
}

/** The walk through one rule. */
interface Walk {
	readonly known: Knowledge;
	readonly rule: NatRule;
	readonly p: Packet;
	readonly memory: Map<string, Ends>;
	readonly ends: RuleEnds;
	/** The elements of sets that were followed. */
	branches: number;
}

/** Takes the steps of a rule from the one at `from`. */
function walk(w: Walk, from: number, registers: Registers): void {
	const { rule, p, ends } = w;
	for (let i = from; i < rule.steps.length; i++) {
		const step = rule.steps[i] as Step;
		switch (step.is) {
			case "compare":
			case "range": {
				const answer = registers.test(step);
				if (answer !== "yes") ends.goesOn = true;
				if (answer === "no") return;
				break;
			}
			case "match": {
				const answer = step.matches(p);
				if (answer !== "yes") ends.goesOn = true;
				if (answer === "no") return;
				break;
			}
			case "lookup": {
				const { hits, misses } = hitsOf(w.known, rule, step, registers);
				if (step.to === undefined) {
					const [matches, fails] = step.isInverted
						? [misses, hits.length > 0]
						: [hits.length > 0, misses];
					if (fails) ends.goesOn = true;
					if (!matches) return;
					break;
				}
				if (misses) ends.goesOn = true;
				for (const { data } of hits) {
					if (++w.branches > MOST_BRANCHES) {
						decide(w, { is: "unclear" });
						return;
					}
					if (data instanceof Uint8Array) {
						const branch = registers.copy();
						branch.store(step.to, data);
						walk(w, i + 1, branch);
					} else if (data) decide(w, data);
					// a verdict "continue"
					else walk(w, i + 1, registers.copy());
				}
				return;
			}
			case "nat":
				// a table of both families has rules for each
				if (step.family !== p.family && step.family !== NFPROTO_INET) break;
				send(w, targetIn(registers, step, p));
				return;
			case "redirect":
				send(w, ownTarget(registers, step));
				return;
			case "send":
				send(w, step.target);
				return;
			case "unclear":
			case "accept":
			case "drop":
			case "return":
			case "jump":
			case "goto":
				decide(w, step);
				return;
			default:
				registers.load(step, p);
		}
	}
	ends.goesOn = true;
}

/** Notes an outcome; a target that is undefined is not known. */
function send({ rule, ends }: Walk, target: NatTarget | undefined): void {
	ends.outcomes.add(
		target ? { is: "target", target, by: rule } : { is: "unknown", by: rule },
	);
}

function decide(w: Walk, v: ChainVerdict): void {
	const { known, rule, p, memory, ends } = w;
	switch (v.is) {
		case "unclear":
			send(w, undefined);
			ends.goesOn = true;
			return;
		case "accept":
			ends.accepts = true;
			return;
		case "drop":
			ends.outcomes.add({ is: "dropped", by: rule });
			return;
		case "return":
			ends.falls = true;
			return;
		default: {
			const { backend, family, table } = rule;
			const called = { backend, family, table, chain: v.chain };
			const inner = endsOf(known, called, p, memory);
			for (const o of inner.outcomes) ends.outcomes.add(o);
			if (inner.accepts) ends.accepts = true;
			if (!inner.falls) return;
			// after a goto, the end of the chain is the end of this one too
			if (v.is === "goto") ends.falls = true;
			else ends.goesOn = true;
		}
	}
}

/** Returns the target whose parts stand in registers, or undefined if it is not known. */
function targetIn(
	registers: Registers,
	{ address, ports: r }: Extract<Step, { is: "nat" }>,
	{ dst }: Packet,
): NatTarget | undefined {
	const ports = r && portsIn(registers, r);
	if (r && !ports) return undefined;
	// without an address the packet keeps its own (find_best_ips_proto)
	if (!address) return { addresses: { min: dst, max: dst }, ports };
	const min = registers.value(address.min, dst.length);
	const max = registers.value(address.max, dst.length);
	return min && max && isSpan(min, max)
		? { addresses: { min, max }, ports }
		: undefined;
}

/** Returns the target of a REDIRECT, or undefined if its ports are not known. */
function ownTarget(
	registers: Registers,
	{ ports: r }: Extract<Step, { is: "redirect" }>,
): NatTarget | undefined {
	const ports = r && portsIn(registers, r);
	return r && !ports ? undefined : { addresses: undefined, ports };
}

function portsIn(
	registers: Registers,
	r: { readonly min: Register; readonly max: Register },
): NatTarget["ports"] {
	const min = registers.value(r.min, 2);
	const max = registers.value(r.max, 2);
	if (!min || !max) return undefined;
	const ports = { min: be16At(min), max: be16At(max) };
	return ports.min <= ports.max ? ports : undefined;
}

function be16At(bytes: Uint8Array): number {
	return 256 * (bytes[0] ?? 0) + (bytes[1] ?? 0);
}
