// The explanations of the kernel's counters: what it means if one rises, and what helps.
// It reads nothing.

import type { Counter } from "../conntrack/counters.ts";

/** The advice by counter. A counter that needs no attention has none. */
const ADVICE: Readonly<Partial<Record<Counter, string>>> = {
	insert_failed:
		"an entry could not be inserted: two packets of a new flow raced, as A and AAAA queries from one socket do, behind DNS delays of 5 s. Linux 5.10 and later let both pass for UDP (clash_resolve), so there what is left was dropped; older ones also count what they resolved (see drop). What else helps: a DNS cache on the node that pods reach without DNAT, or one query at a time (options single-request-reopen; glibc only, not musl). --random-fully helps against races of SNAT, not of DNAT",
	drop: "packets were lost because their entry could not be made: the table is full, memory is short, or a race was not resolved. With early_drop: raise net.netfilter.nf_conntrack_max. With insert_failed: see there",
	early_drop:
		"entries of unanswered flows were thrown out because the table was full: raise net.netfilter.nf_conntrack_max, or find out who fills it (conntrack-flush top)",
	error:
		"packets were malformed, or their checksum was wrong: look at the network card's offloads and at the sender",
	clash_resolve:
		"two packets of a new flow raced, and both passed: the race behind DNS delays of 5 s, resolved by the kernel. Nothing to do",
	chain_toolong:
		"packets were lost because too many entries share a hash bucket: raise net.netfilter.nf_conntrack_buckets",
};

/** The advice on a table with little room. */
export const NEARLY_FULL =
	"the table is nearly full; when it is, new flows are lost. Raise net.netfilter.nf_conntrack_max";

/** Returns the advice on each counter that is not 0 in `counted`, the worst first. */
export function adviceOn(
	counted: Readonly<Partial<Record<Counter, number>>>,
): [Counter, string][] {
	return (Object.entries(ADVICE) as [Counter, string][]).filter(
		([name]) => (counted[name] ?? 0) > 0,
	);
}
