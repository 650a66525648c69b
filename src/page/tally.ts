// The hostPorts of this node and how many entries each has, by verdict: one pass over the
// table, judged as `list` judges. Its memory does not grow with the table.

import { type Entry, readEntry } from "../conntrack/entry.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack } from "../conntrack/table.ts";
import type { Context } from "../context.ts";
import { openVerdicts } from "../flush/verdicts.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type IP } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
import { PROTOCOLS, type Proto, portKey } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import type { Verdict } from "../policy/judge.ts";
import type { Attachment, PortRow } from "../policy/mapping.ts";
import type { CacheSource } from "../state/liveness.ts";

const DEADLINE_MS = 30_000;
const FAMILIES = [AF_INET, AF_INET6] as const;
/** So many hostPorts have counts of their own; the entries of the others are counted together. */
const MOST_ROWS = 4096;
/** Examples of stale entries, for each hostPort. */
const MOST_EXAMPLES = 3;

export interface EntryCounts {
	/** The entries that `list` shows of it. */
	entries: number;
	live: number;
	stale: number;
	/** The stale entries that no rule has sent anywhere. */
	bypassing: number;
}

/** A hostPort, or hostPorts in a row of one pod. */
export interface HostPort extends EntryCounts {
	readonly proto: number;
	readonly hostPort: number;
	readonly count: number;
	/** null: any address of the node. */
	readonly hostIP: IP | null;
	/** undefined: rules of another program than a CNI plugin publish the port. */
	readonly attachment: Attachment | undefined;
	/** For how long the pod has it, in ms; undefined if that is not recorded. */
	readonly heldMs: number | undefined;
	/** Where the rules send it, if no attachment has it and an entry shows it. */
	target: string | undefined;
	/** Some of the stale entries, in words that name their clients. */
	readonly examples: string[];
}

export interface Tally {
	readonly hostPorts: readonly HostPort[];
	/** The number of ports beyond MOST_ROWS. */
	readonly portsLeftOut: number;
	/** The counts of these. */
	readonly others: EntryCounts;
	/** The reason why the rules were not asked, if they could not be. */
	readonly withoutRules: string | undefined;
	readonly undecodable: number;
}

/** Counts the entries of the hostPorts that the node has now. Examples name clients, so they are kept only if that is asked for. Throws NetlinkError, SysError or DeadlineError. */
export async function tally(
	context: Context,
	cache: CacheSource,
	showClients: boolean,
): Promise<Tally> {
	const { host } = context;
	const deadline = new Deadline(host, DEADLINE_MS);
	const protos: readonly Proto[] = Object.values(PROTOCOLS);
	let withoutRules: string | undefined;
	const verdicts = await openVerdicts(
		context,
		cache,
		FAMILIES,
		protos.flatMap((proto) =>
			FAMILIES.map((family) => ({ family, proto, hostPort: null })),
		),
		deadline,
		(why) => {
			withoutRules = why;
		},
	);
	const ports = new PortSet(verdicts.here);
	for (const proto of protos) ports.add(proto, null);
	for (const { proto, hostPort, count } of verdicts.mapped)
		ports.add(proto, hostPort, "reply", count);
	const rows = rowsOf(verdicts.live, host.ticks());
	const visit = async (hits: readonly Entry[]): Promise<void> => {
		for (const e of hits) {
			const { verdict } = await verdicts.of(e);
			if (!verdict.attachment && !verdict.isPublished) continue;
			const row = rows.of(e, verdict);
			add(row, verdict);
			if ("examples" in row) note(row, e, verdict, showClients);
		}
	};
	const count = { entries: 0, kept: 0, undecodable: 0 };
	const table = new Conntrack(host, deadline);
	try {
		await scan(table, ports, count, visit, undefined, readEntry);
	} finally {
		table.close();
		verdicts.close();
	}
	const { hostPorts, portsLeftOut, others } = rows;
	const { undecodable } = count;
	return { hostPorts, portsLeftOut, others, withoutRules, undecodable };
}

function add(counts: EntryCounts, { kind, reason }: Verdict): void {
	counts.entries++;
	if (kind === "live") counts.live++;
	if (kind === "stale") counts.stale++;
	if (reason === "no-dnat") counts.bypassing++;
}

function note(
	row: HostPort,
	{ orig, reply }: Entry,
	{ kind, why }: Verdict,
	showClients: boolean,
): void {
	if (kind === "live" && !row.attachment)
		row.target = formatEndpoint(reply.src, reply.sport);
	if (showClients && kind === "stale" && row.examples.length < MOST_EXAMPLES)
		row.examples.push(`${formatEndpoint(orig.src, orig.sport)} ${why}`);
}

/** The rows, and which of them an entry belongs to. */
interface Rows {
	readonly hostPorts: HostPort[];
	readonly others: EntryCounts;
	portsLeftOut: number;
	/** Returns the row of the entry, or `others`. */
	of(e: Entry, verdict: Verdict): HostPort | EntryCounts;
}

/** Makes the rows of the attachments. A row of a port that other programs publish is made when an entry shows it. */
function rowsOf(live: readonly Attachment[], now: number): Rows {
	const hostPorts: HostPort[] = [];
	const index = new PortIndex<HostPort>();
	const published = new Map<number, HostPort>();
	const rows: Rows = {
		hostPorts,
		others: noEntries(),
		portsLeftOut: 0,
		of(e, { attachment, isBegun }) {
			// an entry that a pod began comes to the hostPort with its replies
			const [dst, port] = isBegun
				? [e.reply.dst, e.reply.dport]
				: [e.orig.dst, e.orig.dport];
			if (attachment) {
				const own = index
					.get(e.proto, port)
					.filter((r) => r.attachment === attachment);
				const exact = own.find((r) => r.hostIP === dst);
				return exact ?? own[0] ?? rows.others;
			}
			const key = portKey(e.proto, port);
			let row = published.get(key);
			if (row) return row;
			if (hostPorts.length >= MOST_ROWS) return rows.others;
			row = newRow({ proto: e.proto, hostPort: port, hostIP: null }, now);
			published.set(key, row);
			hostPorts.push(row);
			return row;
		},
	};
	for (const attachment of live)
		for (const mapping of attachment.mappings) {
			const { proto, hostPort, hostIP, count = 1 } = mapping;
			// the same port in both families is one row
			const isThere = index
				.get(proto, hostPort)
				.some(
					(r) =>
						r.attachment === attachment &&
						r.hostPort === hostPort &&
						r.hostIP === hostIP &&
						r.count === count,
				);
			if (isThere) continue;
			if (hostPorts.length >= MOST_ROWS) {
				rows.portsLeftOut += count;
				continue;
			}
			const row = newRow(mapping, now, attachment);
			hostPorts.push(row);
			if (count === 1) index.add(proto, hostPort, row);
			else index.addRow(proto, hostPort, count, () => row);
		}
	return rows;
}

function newRow(
	{
		proto,
		hostPort,
		hostIP,
		count = 1,
	}: Pick<PortRow, "hostPort" | "hostIP" | "count"> & { proto: number },
	now: number,
	attachment?: Attachment,
): HostPort {
	// libcni's cache does not say since when
	const isDated = attachment !== undefined && attachment.added > 0;
	return {
		proto,
		hostPort,
		count,
		hostIP,
		attachment,
		heldMs: isDated ? now - attachment.added : undefined,
		target: undefined,
		examples: [],
		...noEntries(),
	};
}

function noEntries(): EntryCounts {
	return { entries: 0, live: 0, stale: 0, bypassing: 0 };
}
