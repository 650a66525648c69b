// The entries of protocols that portmap does not map, such as ICMP: which of them a
// listing looks at. No verb and no removal does.

import { isMapped } from "../net/otherprotos.ts";
import type { PortSet } from "./skip.ts";

/** A bit of no protocol in the tables of a PortSet: see `protoBit`. */
const OTHERS_BIT = 8;

/**
 * Lets a scan for the ports also look at the entries of these other protocols, by their
 * numbers, whatever their ports.
 */
export function lookAtOthers(
	ports: PortSet,
	protos: readonly number[] | "all",
): void {
	ports.addEverywhere(OTHERS_BIT);
	ports.others = (proto) =>
		!isMapped(proto) && (protos === "all" || protos.includes(proto));
}
