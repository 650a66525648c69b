// The explanations of the kernel's counters: what it means if one rises, and what helps.
// It reads nothing.

import type { Counter, Counters } from "../conntrack/counters.ts";
import { lostIn } from "../conntrack/lost.ts";
import { RACE_CAUSES, RACE_CURES } from "../doctor/races.ts";

/** The advice on a table with little room. */
export const NEARLY_FULL =
	"the table is nearly full; when it is, new flows are lost. Raise net.netfilter.nf_conntrack_max";

/** What a counter means that rises for one reason only. */
const ADVICE: Readonly<Partial<Record<Counter, string>>> = {
	early_drop:
		"entries of unanswered flows were thrown out because the table was full: raise net.netfilter.nf_conntrack_max, or find out who fills it (conntrack-flush top)",
	error:
		"packets were malformed, or their checksum was wrong: look at the network card's offloads and at the sender",
	clash_resolve:
		'two packets of a new flow met, as A and AAAA queries from one socket do, and the kernel passed both on. But an answer that takes over 1 s is lost, and no counter says so: these are the DNS delays of 5 s. "oneCPUPerFlow": true ends the race (conntrack-flush mitigate for pods that run); a DNS cache on the node that pods reach without DNAT avoids it',
	chain_toolong:
		"packets were lost because too many entries share a hash bucket: raise net.netfilter.nf_conntrack_buckets",
};

export interface Advice {
	readonly counter: Counter;
	readonly text: string;
	/** True if entries of the table may show whom it concerns. */
	readonly isOfPorts: boolean;
}

/** Returns the advice on what was counted, the worst first. */
export function adviceOn(counted: Counters): Advice[] {
	const { packets, cause } = lostIn(counted);
	const advice: Advice[] = [];
	if (packets > 0)
		advice.push({
			counter: nameOf(counted),
			text: `${packets} packets were lost: ${RACE_CAUSES[cause]}. What helps: ${RACE_CURES[cause]}`,
			isOfPorts: true,
		});
	// what the races lost is in drop too
	if (cause === "port" && (counted.drop ?? 0) > packets)
		advice.push({
			counter: "drop",
			text: "packets were lost because there was no room for their entry: with early_drop the table is full, so raise net.netfilter.nf_conntrack_max; without it memory is short",
			isOfPorts: false,
		});
	for (const [name, text] of Object.entries(ADVICE) as [Counter, string][])
		if ((counted[name] ?? 0) > 0)
			advice.push({ counter: name, text, isOfPorts: false });
	return advice;
}

/** Returns the counter that lostIn has read. */
function nameOf({ clash_resolve, drop = 0 }: Counters): Counter {
	return clash_resolve !== undefined || drop === 0 ? "insert_failed" : "drop";
}
