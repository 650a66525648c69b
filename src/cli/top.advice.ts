// What stands out in a table that was counted, in words, with the command that shows more.
// It reads nothing.

import type { Fill } from "../conntrack/messages.ts";
import { isNearlyFull } from "../conntrack/stats.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { anyProtocolName, isMapped } from "../net/otherprotos.ts";
import { NEARLY_FULL } from "./stats.advice.ts";
import {
	type DestinationRow,
	destinationInWords,
	type Rankings,
	shareOf,
} from "./top.tables.ts";

/** A smaller table says nothing by its shares. */
const ENOUGH = 500;
/** What has a larger share of the table stands out. */
const LARGE = 1 / 3;

export interface Observation {
	readonly words: string;
	/** The command that shows or does more. */
	readonly command?: string | undefined;
}

/** What a large number of entries in one state means. */
const MEANINGS: Readonly<Record<string, Observation>> = {
	"udp UNREPLIED": {
		words: "never saw an answer. Those that lead to pods which are gone:",
		command: "conntrack-flush list --stale",
	},
	"tcp SYN_SENT": {
		words:
			"wait for an answer to their SYN: nobody is there, or a rule drops it. To find those that cannot recover:",
		command: "conntrack-flush sweep --dry-run --all",
	},
	"tcp SYN_RECV": {
		words:
			"have not seen the end of their handshake: a flood of SYNs, or answers that take another way",
	},
	"tcp TIME_WAIT": {
		words:
			"are closed, and stay for net.netfilter.nf_conntrack_tcp_timeout_time_wait seconds: many short connections",
	},
};

/** Returns what stands out, the most important first. */
export function observationsOn(fill: Fill, found: Rankings): Observation[] {
	const { entries, protocol, source, destination } = found;
	const observations: Observation[] = isNearlyFull(fill)
		? [{ words: NEARLY_FULL }]
		: [];
	if (entries < ENOUGH) return observations;
	const stands = (row: { readonly entries: number }): boolean =>
		row.entries > LARGE * entries;
	const of = (n: number): string => `${shareOf(n, entries)} of the entries`;
	for (const row of source.rows.filter(stands))
		observations.push({
			words: `${row.ip} began ${of(row.entries)}. To see them:`,
			command: `conntrack-flush list --all --from ${row.ip}`,
		});
	for (const row of destination.rows.filter(stands))
		observations.push({
			words: `${of(row.entries)} came to ${destinationInWords(row)}. To see them:`,
			command: `conntrack-flush list --all ${flagsFor(row)}`,
		});
	for (const row of protocol.rows.filter(stands)) {
		const name = `${row.proto} ${row.state}`;
		const { words, command } = MEANINGS[name] ?? {};
		if (words !== undefined)
			observations.push({
				words: `${of(row.entries)} (${name}) ${words}`,
				command,
			});
	}
	return observations;
}

/** Returns the flags of `list` that select the entries of a destination. */
function flagsFor({ proto, ip, port }: DestinationRow): string {
	const to = isMapped(proto) ? formatEndpoint(ip, port) : ip;
	return `--proto ${anyProtocolName(proto)} --to ${to}`;
}
