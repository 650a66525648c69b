// The words of `reconcile` about removed entries, about frontends that are left out, and
// about a pass. The functions are pure, except `holders`, which reads files.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import type { Report } from "../flush/report.ts";
import { total } from "../flush/report.ts";
import type { RemovalReason } from "../flush/search.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import type { IP } from "../net/ip.ts";
import { type Proto, protocolName } from "../net/proto.ts";
import { addressesOf } from "../policy/mapping.ts";
import { leftAgo, nameOf, printable } from "../policy/words.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";

const WORDS: Readonly<Record<RemovalReason, (to: string) => string>> = {
	asked: () => "was asked for",
	"no-dnat": () => "was made while no rule was there",
	"dead-pod": (to) => `leads to ${to}, a pod that is gone`,
	"begun-by-pod": () => "was begun by a pod that is gone",
	retired: (to) => `leads to ${to}, but ends in a moment`,
	"other-pod": (to) => `leads to ${to}, not to the pod`,
	"other-port": (to) => `leads to ${to}, the wrong port`,
	"no-endpoint": (to) => `leads to ${to}, no endpoint`,
};

/** The reasons with which it matters whose the address is that the entry leads to. */
const HELD: readonly RemovalReason[] = ["other-pod", "no-endpoint"];

/** Returns a line about an entry: `udp 10.0.0.7:5000 > 10.96.0.10:53: leads to 10.88.0.9:53, no endpoint (kube-system/kube-dns:dns)` */
export function line(
	e: Entry,
	reason: RemovalReason,
	owner: string | undefined,
	holder: string | undefined,
	rules?: string,
): string {
	const { orig, reply } = e;
	const flow = `${protocolName(e.proto)} ${formatEndpoint(orig.src, orig.sport)} > ${formatEndpoint(orig.dst, orig.dport)}`;
	const to = formatEndpoint(reply.src, reply.sport);
	const whose = owner === undefined ? "" : ` (${printable(owner)})`;
	const place = holder !== undefined ? `${to}, ${holder}` : to;
	if (rules !== undefined) return `${flow}: leads to ${place}; ${rules}`;
	const what = WORDS[reason](HELD.includes(reason) ? place : to);
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

/** Returns a function that says whose an address is now or, if nobody has it, how long ago it lost its pod. */
export function holders(
	context: Context,
	cache: CacheSource | undefined,
): (ip: IP) => string | undefined {
	const { host, dataDir } = context;
	const { live, cached } = takeSnapshot(context, cache);
	const left = readDepartures(host, dataDir);
	// names alone: a pass beside it may need the memory for ten thousand mappings
	const names = new Map<IP, string>();
	for (const a of cached) for (const ip of a.ips) names.set(ip, nameOf(a));
	for (const a of live)
		for (const ip of addressesOf(a)) names.set(ip, nameOf(a));
	return (ip) => {
		const name = names.get(ip);
		if (name !== undefined) return `which is ${name}`;
		const departure = left.get(ip);
		return departure && leftAgo(host.ticks() - departure.at);
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
