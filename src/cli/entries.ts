// The common part of `list` and `flush`: the flags that select entries, and the formats
// in which an entry is printed. It reads no table and removes nothing.

import { IPS_ASSURED, IPS_SEEN_REPLY } from "../conntrack/constants.ts";
import type { Detail } from "../conntrack/detail.ts";
import { idOf, zoneOf } from "../conntrack/detail.ts";
import type { Entry, Tuple } from "../conntrack/entry.ts";
import type { Host } from "../host.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET } from "../net/ip.ts";
import {
	IPPROTO_UDP,
	PROTOCOLS,
	type Proto,
	protocolName,
} from "../net/proto.ts";
import type { Verdict } from "../policy/judge.ts";
import { familiesOf, type Selection } from "../policy/selection.ts";
import type { CacheSource } from "../state/liveness.ts";
import {
	type Column,
	DIM,
	GREEN,
	inBatches,
	type Printer,
	RED,
	tablePrinter,
} from "./table.ts";
import { UsageError } from "./usage.ts";
import {
	ADDRESS,
	CACHE_DIR_FLAG,
	choice,
	DATA_DIR_FLAG,
	FAMILY,
	number,
	oneOf,
	PORT,
} from "./values.ts";

export const ALL_PROTOS: readonly Proto[] = Object.values(PROTOCOLS);
const PROTOS: Readonly<Record<string, readonly Proto[]>> = {
	...Object.fromEntries(
		Object.entries(PROTOCOLS).map(([name, proto]) => [name, [proto]]),
	),
	all: ALL_PROTOS,
};

export const HOST_PORT = {
	...PORT,
	help: "select entries that came to this port of the node",
};
export const HOST_IP = {
	...ADDRESS,
	help: "select entries that came to this address; without it, to any address of the node",
};
/** The other flags that select entries. */
export const SELECT = {
	podIP: {
		...ADDRESS,
		help: "select entries that a rule has sent to this pod, on any port",
	},
	family: { ...FAMILY, help: "select entries of this address family only" },
	zone: {
		...number("ZONE", 0, 65535),
		help: "select entries of this conntrack zone only; 0 is the default zone",
	},
	stale: {
		help: "select only entries that keep traffic from this node's attachments",
	},
	dataDir: DATA_DIR_FLAG,
	cniCacheDir: CACHE_DIR_FLAG,
} as const;

/** Returns the flag `--proto`, which may be given several times. `fallback` describes the protocols without it. */
export function protoFlag(fallback: string) {
	return {
		...choice("PROTO", PROTOS),
		many: true,
		help: `select entries of this protocol; without it, ${fallback}`,
	} as const;
}

type SelectionFlags = Omit<Selection, "protos"> & {
	readonly proto: readonly (readonly Proto[])[];
};

/** Returns the selection that the flags describe. Throws UsageError if no entry can match it. */
export function selectionOf(
	{ proto, hostPort, hostIP, podIP, family, zone }: SelectionFlags,
	fallback: readonly Proto[],
): Selection {
	const protos = proto.length > 0 ? [...new Set(proto.flat())] : fallback;
	const s = { protos, hostPort, hostIP, podIP, family, zone };
	if (familiesOf(s).length === 0)
		throw new UsageError(
			"--host-ip, --pod-ip and --family are not of one address family",
		);
	return s;
}

/** Returns libcni's cache as the flags describe it. Of an attachment that is only cached, UDP mappings count, or those of the protocols in `proto`. */
export function cacheOf(
	dir: string,
	proto: readonly (readonly Proto[])[],
): CacheSource {
	return { dir, protocols: proto.length > 0 ? proto.flat() : [IPPROTO_UDP] };
}

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

const COLOURS = { stale: RED, live: GREEN, other: DIM } as const;

const VERDICT: Column<Row> = {
	head: "VERDICT",
	cell: ({ verdict }) => verdict.kind,
	paint: ({ verdict }) => COLOURS[verdict.kind],
};
const FLOW: readonly Column<Row>[] = [
	{ head: "PROTO", cell: ({ entry }) => protocolName(entry.proto) },
	{
		head: "FROM",
		cell: ({ entry: { orig } }) => formatEndpoint(orig.src, orig.sport),
	},
	{
		head: "TO",
		cell: ({ entry: { orig } }) => formatEndpoint(orig.dst, orig.dport),
	},
	{
		head: "LEADS TO",
		cell: ({ entry: { reply } }) => formatEndpoint(reply.src, reply.sport),
	},
];
const MORE: readonly Column<Row>[] = [
	{ head: "STATE", cell: ({ entry }) => entry.tcpState ?? answers(entry) },
	{ head: "LEFT", cell: ({ entry }) => `${entry.timeout ?? "?"}s` },
	{ head: "MARK", cell: ({ entry }) => `0x${(entry.mark ?? 0).toString(16)}` },
	{ head: "ZONE", cell: ({ entry }) => String(zoneOf(entry.key)) },
];
const WHY: Column<Row> = {
	head: "WHY",
	cell: ({ verdict }) => verdict.why,
	isText: true,
};

/** Returns a printer that writes rows to standard output as they come. */
export function entryPrinter(host: Host, format: Format): Printer<Row> {
	switch (format) {
		case "table":
			return tablePrinter(host, [VERDICT, ...FLOW, WHY]);
		case "wide":
			return tablePrinter(host, [VERDICT, ...FLOW, ...MORE, WHY]);
		case "jsonl":
			return inBatches((rows) => {
				host.write(
					1,
					rows.map((r) => `${JSON.stringify(asData(r))}\n`).join(""),
				);
			});
		case "json":
			return arrayPrinter(host);
	}
}

function arrayPrinter(host: Host): Printer<Row> {
	let opened = false;
	const rows = inBatches<Row>((batch) => {
		const items = batch.map((r) => JSON.stringify(asData(r))).join(",\n");
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

/** Returns an entry in the form that programs read. */
function asData({ entry: e, verdict }: Row): object {
	const { kind, reason, why, attachment, departure } = verdict;
	return {
		verdict: kind,
		reason,
		why,
		family: e.family === AF_INET ? "ipv4" : "ipv6",
		proto: protocolName(e.proto),
		orig: tuple(e.orig),
		reply: tuple(e.reply),
		status: STATUS.filter((_, bit) => e.status & (1 << bit)),
		tcpState: e.tcpState,
		timeout: e.timeout,
		mark: e.mark,
		zone: zoneOf(e.key),
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

function tuple({ src, sport, dst, dport }: Tuple): Tuple {
	return { src, sport, dst, dport };
}
