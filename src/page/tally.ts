// The hostPorts of this node and how many entries each has, by verdict: one pass over the
// table, judged as `list` judges. Its memory does not grow with the table.

import { type Entry, readEntry } from "../conntrack/entry.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack } from "../conntrack/table.ts";
import type { Context } from "../context.ts";
import { localAddresses } from "../flush/addresses.ts";
import { openProspects } from "../flush/prospects.ts";
import { formatEndpoint } from "../net/endpoint.ts";
import { AF_INET, AF_INET6, type IP, ipBytes } from "../net/ip.ts";
import { PortIndex } from "../net/portindex.ts";
import { PROTOCOLS, type Proto, portKey } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import type { Attachment, PortRow } from "../policy/mapping.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";

const DEADLINE_MS = 30_000;
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
	const { host, dataDir } = context;
	const { live, cached } = takeSnapshot(context, cache);
	const mapped = live.flatMap((a) => a.mappings);
	const deadline = new Deadline(host, DEADLINE_MS);
	const families = [AF_INET, AF_INET6] as const;
	const locals = await localAddresses(host, families, deadline);
	const hostIPs = new Set(mapped.map((m) => m.hostIP));
	const here = new Prefilter("orig.dst");
	locals.addTo(here);
	for (const hostIP of hostIPs) if (hostIP !== null) here.add(ipBytes(hostIP));
	const ports = new PortSet(here);
	const protos: readonly Proto[] = Object.values(PROTOCOLS);
	for (const proto of protos) ports.add(proto, null);
	for (const { proto, hostPort, count } of mapped)
		ports.add(proto, hostPort, "reply", count);
	const now = host.ticks();
	const isLocal = (ip: IP): boolean => locals.has(ip);
	const departures = readDepartures(host, dataDir);
	const judge = judgeBy(live, isLocal, now, departures, cached);
	let withoutRules: string | undefined;
	const every = protos.flatMap((proto) =>
		families.map((family) => ({ family, proto, hostPort: null })),
	);
	const rules = openProspects(host, deadline, every, (why) => {
		withoutRules = why;
	});
	const rows = rowsOf(live, now);
	const visit = async (hits: readonly Entry[]): Promise<void> => {
		for (const e of hits) {
			const isAsked = isLocal(e.orig.dst) || hostIPs.has(e.orig.dst);
			const verdict = judge(e, isAsked ? await rules.of(e) : undefined);
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
		rules.close();
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
