// Entries that contradict the rules, whoever made these: a container's published port has
// moved, and the entry still leads to the old place. It needs no record. Pure.

import type { Entry } from "../conntrack/entry.ts";
import { ipBytes } from "../net/ip.ts";
import { type Engine, engineOf, PUBLISHING } from "../rules/engines.ts";
import { leadsThere } from "../rules/evaluate.ts";
import type { Outcome } from "../rules/model.ts";
import { isOfOthers, mayLeadTo, type Prospect } from "./ruling.ts";
import { isDNATed, isListeners, type Reason } from "./stale.ts";

/** Whose rules count: those of programs that publish ports of containers, or those of firewalls and people too. */
export type RuleScope = "engines" | "all";

type TargetOutcome = Extract<Outcome, { is: "target" }>;

/**
 * kube-proxy is in no scope: it keeps flows to endpoints that are terminating but still
 * serve, although its rules no longer list them (cleanup.go, IsServing).
 */
const SCOPES: Readonly<Record<RuleScope, readonly Engine[]>> = {
	engines: PUBLISHING,
	all: [...PUBLISHING, "firewalld", "other"],
};

/** Returns the targets to which rules in the scope send the packet, or none if other rules or unknown ones may do so too. */
export function targetsIn(
	{ outcomes }: Prospect,
	scope: RuleScope,
): TargetOutcome[] {
	const targets = outcomes.filter((o): o is TargetOutcome => o.is === "target");
	return outcomes.some(({ is }) => is === "unknown") ||
		!targets.every(({ by }) => SCOPES[scope].includes(engineOf(by)))
		? []
		: targets;
}

/** Returns why the entry contradicts the rules in the scope, or undefined if it does not or if these do not decide about it. */
export function contradiction(
	prospect: Prospect,
	e: Entry,
	scope: RuleScope,
): Reason | undefined {
	const targets = targetsIn(prospect, scope);
	const { src, sport } = e.reply;
	if (targets.length === 0 || isOfOthers(e) || mayLeadTo(prospect, src, sport))
		return undefined;
	if (!isDNATed(e)) return isListeners(e) ? undefined : "no-dnat";
	const address = ipBytes(src);
	const isThere = targets.some((o) =>
		leadsThere(
			{ ...o, target: { ...o.target, ports: { min: 0, max: 65535 } } },
			prospect.packet,
			address,
			sport,
		),
	);
	return isThere ? "other-port" : "other-pod";
}
