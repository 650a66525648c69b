// The rows in which a command prints entries, and the formats: aligned columns for
// people, JSON for programs. It reads no table and removes nothing.

import { IPS_ASSURED, IPS_SEEN_REPLY } from "../conntrack/constants.ts";
import type { Detail, ICMP, TCPState } from "../conntrack/detail.ts";
import { idOf, zonesOf } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { Host } from "../host.ts";
import { AF_INET } from "../net/ip.ts";
import { anyProtocolName } from "../net/otherprotos.ts";
import type { Verdict } from "../policy/judge.ts";
import {
	answeredInWords,
	fromInWords,
	type ListedTuple,
	leadsToInWords,
	toInWords,
	tupleAsData,
} from "./ends.ts";
import {
	type Column,
	DIM,
	GREEN,
	inBatches,
	type Printer,
	RED,
	type TablePrinter,
	tablePrinter,
} from "./table.ts";
import { oneOf } from "./values.ts";

/** An entry and the verdict about it. */
export interface Row {
	readonly entry: Entry & Partial<Detail>;
	readonly verdict: Verdict;
}

export type Format = "table" | "wide" | "json" | "jsonl";
export const FORMAT = oneOf<Format>("FORMAT", [
	"table",
	"wide",
	"json",
	"jsonl",
]);

/** The number of rows that are written at a time. */
const ROWS = 100;

const COLOURS = { stale: RED, live: GREEN, other: DIM } as const;

const VERDICT: Column<Row> = {
	head: "VERDICT",
	cell: ({ verdict }) => verdict.kind,
	paint: ({ verdict }) => COLOURS[verdict.kind],
};
const FLOW: readonly Column<Row>[] = [
	{ head: "PROTO", cell: ({ entry }) => anyProtocolName(entry.proto) },
	{ head: "FROM", cell: ({ entry }) => fromInWords(entry) },
	{ head: "TO", cell: ({ entry }) => toInWords(entry) },
	{ head: "LEADS TO", cell: ({ entry }) => leadsToInWords(entry) },
];
const MORE: readonly Column<Row>[] = [
	{ head: "ANSWERED AT", cell: ({ entry }) => answeredInWords(entry) ?? "-" },
	{ head: "STATE", cell: ({ entry }) => entry.tcpState ?? answers(entry) },
	{ head: "LEFT", cell: ({ entry }) => `${entry.timeout ?? "?"}s` },
	{ head: "MARK", cell: ({ entry }) => `0x${(entry.mark ?? 0).toString(16)}` },
	{ head: "ZONE", cell: ({ entry }) => zoneInWords(entry) },
];
const WHY: Column<Row> = {
	head: "WHY",
	cell: ({ verdict }) => verdict.why,
	isText: true,
};

/** Returns a printer of the format "table". */
export function entryTable(host: Host): TablePrinter<Row> {
	return tablePrinter(host, [VERDICT, ...FLOW, WHY]);
}

/** Returns a printer that writes rows to standard output as they come. */
export function entryPrinter(host: Host, format: Format): Printer<Row> {
	switch (format) {
		case "table":
			return entryTable(host);
		case "wide":
			return tablePrinter(host, [VERDICT, ...FLOW, ...MORE, WHY]);
		case "jsonl":
			return inBatches<Row>(ROWS, (rows) => {
				host.write(
					1,
					rows.map((r) => `${JSON.stringify(asListed(r))}\n`).join(""),
				);
			});
		case "json":
			return arrayPrinter(host);
	}
}

function arrayPrinter(host: Host): Printer<Row> {
	let opened = false;
	const rows = inBatches<Row>(ROWS, (batch) => {
		const items = batch.map((r) => JSON.stringify(asListed(r))).join(",\n");
		host.write(1, (opened ? ",\n" : "[\n") + items);
		opened = true;
	});
	return {
		row: rows.row,
		end() {
			rows.end();
			host.write(1, opened ? "\n]\n" : "[]\n");
		},
	};
}

/** A network's interface in a container; `pod` is `namespace/name`, if the runtime named it. */
export interface ListedAttachment {
	readonly network: string;
	readonly containerID: string;
	readonly ifname: string;
	readonly pod: string | undefined;
}

/** An entry in the form that programs read. What it has not is undefined. */
export interface ListedEntry {
	/** "stale": it keeps traffic from where it belongs. "live": it leads to the pod that its hostPort is mapped to. "other": no hostPort has to do with it. */
	readonly verdict: Verdict["kind"];
	/** Why it is stale. */
	readonly reason: Verdict["reason"];
	/** The verdict in plain words. */
	readonly why: string;
	readonly family: "ipv4" | "ipv6";
	/** `udp`, `tcp`, `sctp`, or the name or number of another protocol. */
	readonly proto: string;
	/** The direction in which it began, before any NAT. */
	readonly orig: ListedTuple;
	/** The direction of the replies: its source is where the entry leads. */
	readonly reply: ListedTuple;
	/** Only entries of ICMP and ICMPv6 have it. */
	readonly icmp: ICMP | undefined;
	/** The kernel's names: `SEEN_REPLY`, `ASSURED`, `DST_NAT`, … */
	readonly status: readonly string[];
	readonly tcpState: TCPState | undefined;
	/** Seconds that it has left. */
	readonly timeout: number | undefined;
	readonly mark: number | undefined;
	/** 0 is the default zone. */
	readonly zone: number;
	/** The direction that is in the zone, if the other one is not. */
	readonly zoneDirection: "orig" | "reply" | undefined;
	readonly id: number;
	/** The attachment whose hostPort the entry came to. */
	readonly attachment: ListedAttachment | undefined;
	/** The pod that the entry leads to, if that has left the node. */
	readonly departed: { readonly pod: string | undefined } | undefined;
}

/** Returns an entry in the form that programs read. */
export function asListed({ entry: e, verdict }: Row): ListedEntry {
	const { kind, reason, why, attachment, departure } = verdict;
	// the kernel gives an entry one zone, of both directions or of one
	const [zone] = zonesOf(e);
	return {
		verdict: kind,
		reason,
		why,
		family: e.family === AF_INET ? "ipv4" : "ipv6",
		proto: anyProtocolName(e.proto),
		orig: tupleAsData(e.proto, e.orig),
		reply: tupleAsData(e.proto, e.reply),
		icmp: e.icmp,
		status: STATUS.filter((_, bit) => e.status & (1 << bit)),
		tcpState: e.tcpState,
		timeout: e.timeout,
		mark: e.mark,
		zone: zone?.zone ?? 0,
		zoneDirection: zone?.direction,
		id: idOf(e.key),
		attachment: attachment && {
			network: attachment.network,
			containerID: attachment.containerID,
			ifname: attachment.ifname,
			pod: attachment.pod,
		},
		departed: departure && { pod: departure.pod },
	};
}

/** The names of the status bits, from bit 0, in linux/netfilter/nf_conntrack_common.h. */
const STATUS = [
	"EXPECTED",
	"SEEN_REPLY",
	"ASSURED",
	"CONFIRMED",
	"SRC_NAT",
	"DST_NAT",
	"SEQ_ADJUST",
	"SRC_NAT_DONE",
	"DST_NAT_DONE",
	"DYING",
	"FIXED_TIMEOUT",
	"TEMPLATE",
	"NAT_CLASH",
	"HELPER",
	"OFFLOAD",
	"HW_OFFLOAD",
] as const;

function answers({ status }: Entry): string {
	if (status & IPS_ASSURED) return "ASSURED";
	return status & IPS_SEEN_REPLY ? "REPLIED" : "UNREPLIED";
}

function zoneInWords(e: Entry): string {
	const words = zonesOf(e).map(({ zone, direction }) =>
		direction === undefined ? String(zone) : `${direction} ${zone}`,
	);
	return words.join(", ") || "0";
}
