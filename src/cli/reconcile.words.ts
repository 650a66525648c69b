// The words of `reconcile` about removed entries, about frontends that are left out, and
// about a pass. The functions are pure, except `departures`, which reads files.

import type { Entry } from "../conntrack/entry.ts";
import type { Report } from "../flush/report.ts";
import { total } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import type { IP } from "../net/ip.ts";
import { type Proto, protocolName } from "../net/proto.ts";
import { isAssigned } from "../policy/mapping.ts";
import type { Reason } from "../policy/stale.ts";
import { leftAgo, printable } from "../policy/words.ts";
import { readDepartures } from "../state/departures.read.ts";
import { recordedAttachments } from "../state/store.ts";

const WORDS: Readonly<Record<Reason, (to: string) => string>> = {
	"no-dnat": () => "was made while no rule was there",
	"dead-pod": (to) => `leads to ${to}, a pod that is gone`,
	"other-pod": (to) => `leads to ${to}, not to the pod`,
	"other-port": (to) => `leads to ${to}, the wrong port`,
	"no-endpoint": (to) => `leads to ${to}, no endpoint`,
};

/** Returns a line about an entry: `udp 10.0.0.7:5000 > 10.96.0.10:53: leads to 10.88.0.9:53, no endpoint (kube-system/kube-dns:dns)` */
export function line(
	e: Entry,
	reason: Reason,
	owner: string | undefined,
	left: string | undefined,
): string {
	const { orig, reply } = e;
	const flow = `${protocolName(e.proto)} ${formatEndpoint(orig.src, orig.sport)} > ${formatEndpoint(orig.dst, orig.dport)}`;
	const to = formatEndpoint(reply.src, reply.sport);
	const whose = owner === undefined ? "" : ` (${printable(owner)})`;
	const what =
		left !== undefined && reason === "other-pod"
			? `leads to ${to}, ${left}, not to the pod`
			: WORDS[reason](to);
	return `${flow}: ${what}${whose}`;
}

/** Returns a line about frontends of other protocols: `2 destinations of tcp, 1 of sctp are left out; see --proto` */
export function leftOut(others: ReadonlyMap<Proto, number>): string {
	const parts = [...others].map(
		([proto, n], i) =>
			`${n} ${i > 0 ? "" : n === 1 ? "destination " : "destinations "}of ${protocolName(proto)}`,
	);
	const are = total(others.values()) === 1 ? "is" : "are";
	return `${parts.join(", ")} ${are} left out; see --proto\n`;
}

/** Returns a function that says how long ago an address lost its pod. */
export function departures(
	host: Host,
	dataDir: string,
): (ip: IP) => string | undefined {
	const live = recordedAttachments(host, dataDir);
	const left = readDepartures(host, dataDir);
	return (ip) => {
		const departure = left.get(ip);
		return departure && !isAssigned(live, ip)
			? leftAgo(host.ticks() - departure.at)
			: undefined;
	};
}

/** Returns a line about a pass: what it did, or with `dryRun` what it would do. */
export function summary(report: Report, dryRun: boolean): string {
	const { deleted, expired, kept, scanned, reasons } = report;
	// sorted, because the order in which reasons were met means nothing
	const counts = [...reasons].sort().map(([reason, n]) => `${n} ${reason}`);
	const why = counts.length > 0 ? ` (${counts.join(", ")})` : "";
	const did = dryRun
		? `would delete ${total(reasons.values())}${why}`
		: `deleted ${deleted}${why}, gone before ${expired}`;
	return `${did}, kept ${kept}, looked at ${scanned.entries}`;
}
