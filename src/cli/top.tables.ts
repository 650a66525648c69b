// The tables of `top`, made of a census: the rows with the most entries, in words and as
// data.

import {
	type Census,
	NO_STATE,
	STATES,
	STATES_EACH,
} from "../conntrack/census.ts";
import { TCP_STATES } from "../conntrack/detail.ts";
import type { GroupCount } from "../conntrack/groupcounts.ts";
import type { KeyCount, KeyCounts } from "../conntrack/keycounts.ts";
import type { Host } from "../host.ts";
import { type IP, ipOf } from "../net/ip.ts";
import { anyProtocolName } from "../net/otherprotos.ts";
import { IPPROTO_TCP } from "../net/proto.ts";
import { be32, pairWord } from "../netlink/nl.ts";
import { endInWords } from "./ends.ts";
import { wrap } from "./help.ts";
import { type Column, tablePrinter, widthOf } from "./table.ts";

interface Counted {
	readonly entries: number;
}

export interface ProtocolRow extends Counted {
	readonly proto: string;
	readonly state: string;
}

export interface SourceRow extends Counted {
	readonly ip: IP;
}

export interface DestinationRow extends Counted {
	/** The number of the protocol. */
	readonly proto: number;
	readonly ip: IP;
	readonly port: number;
}

/** Rows in descending order of their entries. */
export interface Ranking<T> {
	readonly rows: readonly T[];
	/** Each row may have so many entries more: 0 if the counts are exact. */
	readonly missing: number;
}

export interface Rankings {
	/** The number of entries that were counted. As all numbers here, it is an estimate for the whole table if the census was a sample. */
	readonly entries: number;
	readonly protocol: Ranking<ProtocolRow>;
	readonly source: Ranking<SourceRow>;
	readonly destination: Ranking<DestinationRow>;
	/** Without rows if no pod is known, or none has an entry. */
	readonly pod: Ranking<GroupCount>;
}
export type By = Exclude<keyof Rankings, "entries">;

/** Returns the rankings with at most `most` rows each; the protocols are complete. */
export function rankingsOf(census: Census, most: number): Rankings {
	const { sources, destinations, groups, share } = census;
	const whole = (n: number): number => Math.round(n / share);
	const ranking = <T extends Counted>(
		{ v4, v6 }: { readonly v4: KeyCounts; readonly v6: KeyCounts },
		row: (counted: KeyCount, entries: number) => T,
	): Ranking<T> => {
		const rows = [...v4.top(most), ...v6.top(most)].map((counted) =>
			row(counted, whole(counted.count)),
		);
		rows.sort((a, b) => b.entries - a.entries);
		const missing = whole(Math.max(v4.missing, v6.missing));
		// one with fewer may have less than one that was dropped
		const certain = rows.filter((r) => r.entries > missing);
		return { rows: certain.slice(0, most), missing };
	};
	return {
		entries: whole(census.entries),
		protocol: { rows: protocolsOf(census, whole), missing: 0 },
		source: ranking(sources, ({ address }, entries) => ({
			ip: ipOf(address),
			entries,
		})),
		destination: ranking(destinations, ({ address, tail }, entries) => ({
			proto: tail >>> 16,
			ip: ipOf(address),
			port: be32(pairWord(0, tail & 0xffff)),
			entries,
		})),
		pod: {
			rows: (groups?.top(most) ?? []).map(
				({ name, entries, began, leads }) => ({
					name,
					entries: whole(entries),
					began: whole(began),
					leads: whole(leads),
				}),
			),
			missing: 0,
		},
	};
}

function protocolsOf(
	{ states }: Census,
	whole: (n: number) => number,
): ProtocolRow[] {
	const rows: ProtocolRow[] = [];
	for (let place = 0; place < states.length; place++) {
		const entries = whole(states[place] ?? 0);
		if (entries === 0) continue;
		const proto = Math.floor(place / STATES_EACH);
		const names: readonly string[] =
			proto === IPPROTO_TCP ? TCP_STATES : STATES;
		const number = place % STATES_EACH;
		const state =
			names[number] ?? (number === NO_STATE ? "OFFLOADED" : `STATE ${number}`);
		rows.push({ proto: anyProtocolName(proto), state, entries });
	}
	return rows.sort((a, b) => b.entries - a.entries);
}

/** Returns a destination as it is printed: `udp 10.96.0.10:53`. */
export function destinationInWords({
	proto,
	ip,
	port,
}: DestinationRow): string {
	return `${anyProtocolName(proto)} ${endInWords(proto, ip, port)}`;
}

/** Returns a part of the whole in percent. */
export function shareOf(entries: number, whole: number): string {
	return `${((100 * entries) / whole).toFixed(1)} %`;
}

/** Prints the rankings, each as a table. */
export function printRankings(
	host: Host,
	{ entries, protocol, source, destination, pod }: Rankings,
	by: readonly By[],
): void {
	const print = <T extends Counted>(
		name: By,
		{ rows, missing }: Ranking<T>,
		columns: readonly Column<T>[],
	): void => {
		if (!by.includes(name) || (rows.length === 0 && missing === 0)) return;
		host.write(1, "\n");
		const tooMany = `there are too many ${name}s to count each of them`;
		const tell = (words: string): void =>
			host.write(1, `${wrap(words, "", widthOf(host))}\n`);
		if (rows.length === 0) {
			tell(`${tooMany}, and none has more than ${2 * missing} entries`);
			return;
		}
		const printer = tablePrinter(host, [
			number("ENTRIES", (row: T) => String(row.entries), rows),
			number("SHARE", (row: T) => shareOf(row.entries, entries), rows),
			...columns,
		]);
		for (const row of rows) printer.row(row);
		printer.end();
		if (missing > 0)
			tell(`at least: ${tooMany}, and each may have up to ${missing} more`);
	};
	print("protocol", protocol, [
		{ head: "PROTO", cell: (row) => row.proto },
		{ head: "STATE", cell: (row) => row.state },
	]);
	print("source", source, [{ head: "SOURCE", cell: (row) => row.ip }]);
	print("destination", destination, [
		{ head: "DESTINATION", cell: destinationInWords },
	]);
	print("pod", pod, [
		number("BEGUN BY IT", (row) => String(row.began), pod.rows),
		number("LEADS TO IT", (row) => String(row.leads), pod.rows),
		{ head: "POD", cell: (row) => row.name },
	]);
}

/** Returns a column of numbers, which end under each other. */
function number<T>(
	head: string,
	cell: (row: T) => string,
	rows: readonly T[],
): Column<T> {
	const width = Math.max(head.length, ...rows.map((row) => cell(row).length));
	return {
		head: head.padStart(width),
		cell: (row) => cell(row).padStart(width),
	};
}

/** Returns the rankings in the form that programs read. */
export function rankingsAsData(
	{ protocol, source, destination, pod }: Rankings,
	by: readonly By[],
): object {
	const all: Readonly<Record<By, object>> = {
		protocol: { protocols: protocol.rows },
		source: { sources: source.rows, sourcesMissing: source.missing },
		destination: {
			destinations: destination.rows.map((row) => ({
				...row,
				proto: anyProtocolName(row.proto),
			})),
			destinationsMissing: destination.missing,
		},
		pod: { pods: pod.rows },
	};
	return Object.assign({}, ...by.map((name) => all[name]));
}
