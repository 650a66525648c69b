// The check for IPVS: where it has services, it may keep a flow at a server that is gone,
// whatever is removed from conntrack. It asks IPVS nothing but what /proc shows.

import type { Host } from "../host.ts";
import { readIPVS } from "../rules/ipvs.read.ts";
import { pinnedInWords, unpinningInWords } from "../rules/ipvs.words.ts";
import { type Finding, ok, warn } from "./finding.ts";

const CHECK = "IPVS";

/** Returns a warning if flows outlive their servers, and nothing on a node without IPVS. */
export function checkIPVS(host: Host): Finding[] {
	const ipvs = readIPVS(host);
	if (!ipvs) return [];
	const pinned = pinnedInWords(ipvs);
	const advice = unpinningInWords(ipvs);
	return ipvs.expiresFlows
		? [ok(CHECK, `${pinned}; ${advice}`)]
		: [warn(CHECK, pinned, advice)];
}
