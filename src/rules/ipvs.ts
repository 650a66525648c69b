// The virtual services of IPVS, as the kernel prints them in /proc/net/ip_vs. IPVS keeps its
// own table of flows, and decides after the nat rules: what it has pinned to a server stays
// there whatever is removed from conntrack (docs/rules.md). Pure; ipvs.read.ts reads.

import { IPS_DST_NAT } from "../conntrack/constants.ts";
import type { Entry } from "../conntrack/entry.ts";
import { type IP, ipOf, parseIP } from "../net/ip.ts";
import { protocolOf } from "../net/proto.ts";

export interface IPVS {
	/** The number of virtual services. There may be none, and still flows of services that were removed. */
	readonly services: number;
	/** True if the flows to a server end when the server is removed (net.ipv4.vs.expire_nodest_conn). */
	readonly expiresFlows: boolean;
	/** Returns true if the entry came to a virtual service, and no nat rule has led it elsewhere. Services by mark are not known. */
	has(e: Entry): boolean;
}

/** Returns the number of services in these lines, and a test for the entries that came to them. */
export function servicesIn(
	lines: Iterable<string>,
): Pick<IPVS, "services" | "has"> {
	let services = 0;
	const keys = new Set<string>();
	for (const line of lines) {
		if (!SERVICE.test(line)) continue;
		services++;
		const key = keyIn(line);
		if (key !== undefined) keys.add(key);
	}
	return {
		services,
		has: ({ proto, orig: { dst, dport }, status }) =>
			(status & IPS_DST_NAT) === 0 &&
			(keys.has(`${proto} ${dst} ${dport}`) || keys.has(`${proto} ${dst} 0`)),
	};
}

/** ip_vs_info_seq_show: a service begins its line, and the servers below it are indented. */
const SERVICE = /^(UDP|TCP|SCTP|FWM) /;

/** Returns `17 203.0.113.50 8125`, or undefined if the service goes by a mark. Port 0 stands for all. */
function keyIn(line: string): string | undefined {
	const [, name = "", v6, v4, port = ""] =
		/^(\w+) +(?:\[([\da-f:]+)\]|([\dA-F]{8})):([\dA-F]{4}) /.exec(line) ?? [];
	const proto = protocolOf(name);
	const ip: IP | undefined = v6 ? parseIP(v6) : v4 && ipOf(bytesIn(v4));
	return proto === undefined || ip === undefined
		? undefined
		: `${proto} ${ip} ${Number.parseInt(port, 16)}`;
}

/** The address is printed as a number, so that its first byte comes first. */
function bytesIn(hex: string): Uint8Array {
	return Uint8Array.from({ length: 4 }, (_, i) =>
		Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16),
	);
}
