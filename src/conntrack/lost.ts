// How many packets were lost because flows began at the same moment, and why, by what the
// kernel sends: its version says little, because distributions take changes back to old ones.

import type { Counters } from "./counters.ts";

export interface Lost {
	readonly packets: number;
	/**
	 * "port": two flows wanted one source port at one server. "race": two packets of one
	 * flow, or two flows that wanted one port, or there was no room; the kernel does not tell.
	 */
	readonly cause: "port" | "race";
}

/**
 * Returns what was lost. A kernel that counts clash_resolve (5.10) passes on all packets of
 * one flow, and counts in insert_failed what it dropped, with chains that were too long
 * (nf_ct_resolve_clash, __nf_conntrack_confirm). One before counts in insert_failed also what
 * it passed on, and in drop what it did not; and one that still counts look-ups (before 4.9)
 * may know of no passing on, and then drops without counting in drop.
 */
export function lostIn(counters: Counters): Lost {
	const { insert_failed = 0, drop = 0, chain_toolong = 0 } = counters;
	if (counters.clash_resolve !== undefined)
		return {
			packets: Math.max(0, insert_failed - chain_toolong),
			cause: "port",
		};
	const dropsUncounted = counters.searched !== undefined && drop === 0;
	return { packets: dropsUncounted ? insert_failed : drop, cause: "race" };
}
