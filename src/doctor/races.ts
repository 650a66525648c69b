// What was lost because flows began at the same moment: the cause, the server and sources
// that it concerns, and what ends it. The table is read only if something was lost.

import { type Lost, lostIn } from "../conntrack/lost.ts";
import { type PortRace, samplePortRaces } from "../conntrack/portraces.ts";
import type { Statistics } from "../conntrack/stats.ts";
import type { Host } from "../host.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { protocolName } from "../net/proto.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** Sources that are named one by one. */
const NAMED = 4;

/** Why packets are lost, by the cause. */
export const RACE_CAUSES: Readonly<Record<Lost["cause"], string>> = {
	port: "two flows wanted one source port at one server at the same moment, because two pods chose the same (as NTP, SIP and WireGuard do) and the masquerade keeps it",
	race: "packets of a new flow met on two CPUs, as A and AAAA queries from one socket do, or two flows wanted one source port, or the table was full",
};

/** What ends the loss, by its cause. */
export const RACE_CURES: Readonly<Record<Lost["cause"], string>> = {
	port: 'let the masquerade choose source ports at random (--random or --random-fully; nft: masquerade random); "oneCPUPerFlow" does not help against this one',
	race: 'set "oneCPUPerFlow": true (conntrack-flush mitigate for pods that run). A masquerade with random source ports ends the race for ports, and on such a kernel makes the one of A and AAAA worse',
};

/** Checks what the kernel counted since this network namespace was made. `namesClients` allows it to say whom a loss concerns. */
export async function checkRaces(
	host: Host,
	{ total }: Statistics,
	namesClients: boolean,
): Promise<Finding> {
	const { packets, cause } = lostIn(total);
	if (packets > 0) {
		const found = `${packets} packets were lost: ${RACE_CAUSES[cause]}`;
		const whose = namesClients ? await whom(host) : "";
		return warn("races", found + whose, RACE_CURES[cause]);
	}
	const met = total.clash_resolve ?? 0;
	return ok(
		"races",
		met === 0
			? "no packets of new flows were lost"
			: `two packets of a new flow met ${met} times, as A and AAAA queries from one socket do, and the kernel passed both on; but answers that took over 1 s were lost and not counted, which "oneCPUPerFlow": true ends`,
	);
}

/** Returns `; udp 192.0.2.1:123 is wanted from one port by 10.88.0.2, 10.88.0.3`, or nothing if no entry shows it. */
export async function whom(host: Host): Promise<string> {
	try {
		const [first] = await samplePortRaces(host);
		return first ? `; ${inWords(first)}` : "";
	} catch {
		// what was counted is worth telling also where the table is too busy to be read
		return "";
	}
}

function inWords({ proto, dst, dport, sources }: PortRace): string {
	const named = sources.slice(0, NAMED).join(", ");
	const more = sources.length - NAMED;
	return `${protocolName(proto)} ${formatEndpoint(dst, dport)} is wanted from one port by ${named}${more > 0 ? ` and ${more} more` : ""}`;
}
