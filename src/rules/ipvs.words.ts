// The words in which people are told of IPVS: that it decides, and what ends a flow that it
// keeps at a server which is gone. Pure.

import type { IPVS } from "./ipvs.ts";

/** Returns what follows the name of IPVS: `decides about the flows to its 3 services, and may keep one at a server that is gone (ipvsadm -Lnc)` */
export function pinnedInWords({ services }: IPVS): string {
	const whose =
		services === 0
			? "still has flows of services that were removed"
			: `decides about the flows to its ${services} ${services === 1 ? "service" : "services"}`;
	return `${whose}, and may keep one at a server that is gone (ipvsadm -Lnc)`;
}

/** Returns what ends such a flow. A server with weight 0 keeps its flows under either setting. */
export function unpinningInWords({ expiresFlows }: IPVS): string {
	return expiresFlows
		? "a server with weight 0 keeps its flows until it is removed: ipvsadm -d"
		: "sysctl -w net.ipv4.vs.expire_nodest_conn=1 ends the flows of servers that are removed (ipvsadm -d); one with weight 0 keeps them until then";
}
