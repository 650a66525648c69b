// The entries of protocols that portmap does not map, such as ICMP: which of them a
// listing shows, and how many it does not. No verb and no removal looks at them.

import { isMapped } from "../net/otherprotos.ts";
import type { PortSet } from "./skip.ts";

/** A bit of no protocol in the tables of a PortSet: see `protoBit`. */
const OTHERS_BIT = 8;

/**
 * Lets a scan for the ports also look at the entries of other protocols that are to be
 * shown, by their numbers, whatever their ports. The scan counts those that are not shown
 * in what is returned. This must come before ports are added.
 */
export function lookAtOthers(
	ports: PortSet,
	shown: readonly number[] | "all",
): { hidden: number } {
	const count = { hidden: 0 };
	ports.table.fill(OTHERS_BIT);
	ports.others = (proto) => {
		if (isMapped(proto)) return false;
		const isShown = shown === "all" || shown.includes(proto);
		if (!isShown) count.hidden++;
		return isShown;
	};
	return count;
}
