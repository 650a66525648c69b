// Repair by the rules: UDP entries that contradict the rules of portmap, netavark, Docker,
// CRI-O or Incus are removed, recorded or not. It removes nothing that rules of
// kube-proxy decide: those flows are for the document of frontends (frontends.ts).

import type { Entry } from "../conntrack/entry.ts";
import type { DumpFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import type { Context } from "../context.ts";
import type { LocalAddresses } from "../flush/addresses.ts";
import { flush } from "../flush/flush.ts";
import type { Report } from "../flush/report.ts";
import { RulesView } from "../flush/rulesview.ts";
import type { Action, Removed, Search } from "../flush/search.ts";
import type { Shared } from "../flush/shared.ts";
import { wordsOf } from "../log.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type IP } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import {
	contradiction,
	type RuleScope,
	targetsIn,
} from "../policy/published.ts";
import { isOfOthers, type Prospect } from "../policy/ruling.ts";
import { rulesInWords } from "../policy/ruling.words.ts";
import { isDNATed, type Reason } from "../policy/stale.ts";
import { noteReturned } from "../state/returned.ts";
import { type RepairMemory, tupleInWords } from "./memory.ts";
import type { Beside, OnStale } from "./reconcile.ts";

/** A table of millions takes seconds to read, and no pod waits for it. */
const DEADLINE_MS = 120_000;
const FAMILIES = [AF_INET, AF_INET6] as const;
const PORTS: readonly DumpFilter[] = FAMILIES.map((family) => ({
	family,
	proto: IPPROTO_UDP,
	hostPort: null,
}));
export interface Repair {
	readonly scope: RuleScope;
	readonly action: Action;
	readonly memory: RepairMemory;
	/** Returns a test for entries that lead to a live pod. They work, and stay, even if a leftover rule stands before the pod's own. */
	readonly spares: () => (e: Entry) => boolean;
	/** Is called for each entry that contradicts the rules. */
	readonly found?: OnStale | undefined;
	/** Returns true if the entry is in question; without it, all are. */
	readonly isMeant?: (e: Entry, isLocal: (ip: IP) => boolean) => boolean;
}

/**
 * Removes the UDP entries that contradict the rules in the scope; with the action "count"
 * it changes nothing. The report holds what failed. Throws only what `spares` throws.
 */
export async function repairByRules(
	context: Context,
	repair: Repair,
): Promise<Report> {
	const { scope } = repair;
	const { kinds, collect } = firstLook(repair);
	const report = await look(context, { scope, action: "count" }, () => ({
		isCacheable: true,
		judge: collect,
	}));
	return repairKinds(context, repair, kinds, report);
}

/** The first look of a repair. Most find nothing, so it takes one entry of each kind; which of a kind are meant it cannot tell. */
export interface FirstLook {
	/** The entries that were taken, by their kinds. */
	readonly kinds: ReadonlyMap<string, Entry>;
	/** Takes an entry that is in question, unless it is spared. */
	collect(e: Entry): undefined;
	/** The same as a part of another pass. */
	readonly beside: Beside;
}

/** Begins a repair. Throws what `spares` throws. */
export function firstLook({
	scope,
	spares,
}: Pick<Repair, "scope" | "spares">): FirstLook {
	const isSpared = spares();
	const kinds = new Map<string, Entry>();
	const collect = (e: Entry): undefined =>
		void (isSpared(e) || kinds.set(kindOf(e), e));
	return {
		kinds,
		collect,
		beside: {
			ports: PORTS,
			look(e, locals) {
				if (isInQuestion({ scope }, e, locals)) collect(e);
			},
		},
	};
}

/** Returns true if rules in the scope may decide about the entry. */
function isInQuestion(
	{ scope, isMeant }: Pick<Repair, "scope" | "isMeant">,
	e: Entry,
	locals: LocalAddresses,
): boolean {
	return (
		e.proto === IPPROTO_UDP &&
		!isOfOthers(e) &&
		(isMeant?.(e, (ip) => locals.has(ip)) ?? true) &&
		(locals.isLocal(e.orig.dst) || (scope === "all" && isDNATed(e)))
	);
}

/** Goes on with a repair after its first look, whose report this is. The report holds what failed. Never throws. */
export async function repairKinds(
	context: Context,
	repair: Repair,
	kinds: FirstLook["kinds"],
	report: Report,
): Promise<Report> {
	const { host, log } = context;
	const { scope, action, memory, found } = repair;
	if (report.error !== undefined || kinds.size === 0) return report;
	const deadline = new Deadline(host, DEADLINE_MS);
	let view: RulesView | undefined;
	try {
		const rules = await RulesView.open(host, deadline, PORTS, {
			isEverywhere: scope === "all",
		});
		view = rules;
		const words = new Map<Entry, string>();
		const judge = async (e: Entry): Promise<Reason | undefined> => {
			const prospect = await rules.prospect(e);
			words.set(e, rulesInWords(prospect));
			return judgeByRules(context, repair, prospect, rules.generation, e);
		};
		const suspects = await rules.settled(() => suspectsIn(rules, judge, kinds));
		if (suspects.size === 0) return report;
		return await look(context, repair, () => ({
			judge: (e) => (suspects.has(kindOf(e)) ? "other-pod" : undefined),
			confirm: async () => (removals) =>
				rules.settled(() => confirmed(removals, judge)),
			onRemoval(e, reason) {
				if (action !== "count")
					memory.noteRemoval(e, words.get(e) ?? "", rules.generation);
				found?.(e, reason, undefined, words.get(e));
			},
		}));
	} catch (error) {
		log("debug", "cannot read the rules", { error: wordsOf(error) });
		return { ...report, error };
	} finally {
		view?.close();
	}
}

/** Looks at the entries that rules in the scope may decide about. */
function look(
	{ host, log }: Context,
	repair: Pick<Repair, "scope" | "action" | "isMeant">,
	search: () => Pick<Search, "judge" | "isCacheable" | "confirm" | "onRemoval">,
): Promise<Report> {
	const { scope, action } = repair;
	const prepare = async (shared: Shared): Promise<Search> => {
		const locals = await shared.locals(new Set(FAMILIES));
		const { judge, ...rest } = search();
		return {
			...rest,
			ports: PORTS,
			// engines publish ports on the node's own addresses
			...(scope === "engines" && {
				prefilter() {
					const prefilter = new Prefilter("orig.dst");
					locals.addTo(prefilter);
					return prefilter;
				},
			}),
			judge: (e) => (isInQuestion(repair, e, locals) ? judge(e) : undefined),
		};
	};
	const deadline = new Deadline(host, DEADLINE_MS);
	return flush(host, { prepare, action }, log, deadline);
}

/** Returns the kinds of which an entry may contradict the rules. */
async function suspectsIn(
	rules: RulesView,
	judge: (e: Entry) => Promise<Reason | undefined>,
	kinds: ReadonlyMap<string, Entry>,
): Promise<ReadonlySet<string>> {
	const suspects = new Set<string>();
	for (const [kind, e] of kinds) {
		// other entries of the kind may have other clients, and the node itself may be one
		const byNode = { ...e, orig: { ...e.orig, src: e.orig.dst } };
		if (
			rules.isOfNode(e.orig.src) ||
			!(await rules.prospect(e)).isShared ||
			(await judge(e)) !== undefined ||
			(await judge(byNode)) !== undefined
		)
			suspects.add(kind);
	}
	return suspects;
}

/** Returns the removals that the rules ask for, with the reasons. */
async function confirmed(
	removals: readonly Removed[],
	judge: (e: Entry) => Promise<Reason | undefined>,
): Promise<Removed[]> {
	const found: Removed[] = [];
	for (const removal of removals) {
		const reason = await judge(removal.example);
		if (reason !== undefined) found.push({ ...removal, reason });
	}
	return found;
}

/** Returns why the entry has to go, unless it came back after it was removed. */
function judgeByRules(
	{ host, dataDir, log }: Context,
	{ scope, memory }: Repair,
	prospect: Prospect,
	generation: number | undefined,
	e: Entry,
): Reason | undefined {
	if (targetsIn(prospect, scope).length > 0) memory.noteClaim(e);
	const reason =
		contradiction(prospect, e, scope) ??
		(isDNATed(e) &&
		prospect.outcomes.every(({ is }) => is === "none") &&
		memory.hasLostRule(e, host.ticks())
			? "other-pod"
			: undefined);
	if (
		reason === undefined ||
		!memory.hasComeBack(e, rulesInWords(prospect), generation)
	)
		return reason;
	if (memory.isNewReturn(e)) {
		const entry = tupleInWords(e);
		const to = formatEndpoint(e.reply.src, e.reply.sport);
		log("warn", "came back after it was removed", { entry, to });
		noteReturned(host, dataDir, `${entry}, to ${to},`);
	}
	return undefined;
}

/** Returns what entries of one kind have in common: everything but the client. */
function kindOf({ proto, orig, reply, status }: Entry): string {
	return `${proto} ${orig.dst} ${orig.dport} ${reply.src} ${reply.sport} ${status}`;
}
