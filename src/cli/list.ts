// `list`: prints the entries of hostPorts and the verdict about each, while the table is
// read. It changes nothing.

import { readDetailed } from "../conntrack/detail.ts";
import { type Entry, readEntry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack } from "../conntrack/table.ts";
import { localAddresses } from "../flush/addresses.ts";
import { openProspects } from "../flush/prospects.ts";
import type { Host } from "../host.ts";
import { ipBytes } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import {
	agrees,
	agreesByReply,
	familiesOf,
	isMeant,
	isSaid,
	portsOf,
	type Selection,
} from "../policy/selection.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { command } from "./command.ts";
import {
	ALL_PROTOS,
	cacheOf,
	entryPrinter,
	FORMAT,
	type Format,
	HOST_IP,
	HOST_PORT,
	protoFlag,
	SELECT,
	selectionOf,
} from "./entries.ts";
import { readRecords } from "./records.ts";
import { isTerminal } from "./table.ts";
import { UsageError } from "./usage.ts";
import { INTERVAL } from "./values.ts";

/** The reader of the output may be a person with a pager. */
const DEADLINE_MS = 24 * 3_600_000;
const EVERY_MS = 2000;
const CLEAR = "\x1b[2J\x1b[H";

/** The flags in the form in which one listing needs them. */
interface Query {
	readonly selection: Selection;
	/** Shows entries that belong to no hostPort too. */
	readonly all: boolean;
	readonly stale: boolean;
	readonly dataDir: string;
	readonly cache: CacheSource;
	readonly format: Format;
}

export const listCommand = command({
	name: "list",
	summary: "show the entries of hostPorts, which of them are stale, and why",
	about: `Shows the entries of the hostPorts of this node's attachments, which are recorded or in libcni's cache. With --host-port or --pod-ip it shows the entries of that hostPort or pod, recorded or not. With --all it shows every UDP, TCP and SCTP entry. The other flags narrow the selection. It changes nothing.

VERDICT is live if the entry leads to the pod that its hostPort is mapped to. It is stale if the entry keeps traffic from that pod. It is other if the entry belongs to no recorded hostPort.

The table is printed while it is read, in constant memory. The format json is an array, and jsonl is one object per line. wide, json and jsonl also show what the kernel knows: the state, the seconds left, the mark and the zone.`,
	flags: {
		hostPort: HOST_PORT,
		hostIP: HOST_IP,
		proto: protoFlag("all protocols"),
		...SELECT,
		all: { help: "show every entry, even if it belongs to no hostPort" },
		output: {
			...FORMAT,
			short: "o",
			fallback: "table",
			help: "the output format",
		},
		watch: {
			short: "w",
			help: "repeat until SIGINT or SIGTERM",
		},
		interval: {
			...INTERVAL,
			help: "with --watch: the pause between two listings; 2s if not given",
		},
	},
	examples: [
		{
			to: "see what keeps traffic from this node's pods, and why",
			line: "conntrack-flush list --stale",
		},
		{
			to: "see who sends to hostPort 8125, and where the traffic goes",
			line: "conntrack-flush list --host-port 8125 --proto udp -o wide",
		},
		{
			to: "give the reasons to a program",
			line: "conntrack-flush list --stale -o jsonl | jq -r .why",
		},
	],
	async run(host, { output: format, watch, interval, all, ...flags }) {
		if (interval !== undefined && !watch)
			throw new UsageError("--interval is for --watch");
		const query = {
			selection: selectionOf(flags, ALL_PROTOS),
			all,
			stale: flags.stale,
			dataDir: flags.dataDir,
			cache: cacheOf(flags.cniCacheDir, flags.proto),
			format,
		};
		if (!watch) {
			await show(host, query);
			return 0;
		}
		const readable = format === "table" || format === "wide";
		const between = isTerminal(host) && readable ? CLEAR : "\n";
		for (let first = true; host.signal() === undefined; first = false) {
			if (readable && (!first || between === CLEAR)) host.write(1, between);
			await show(host, query);
			if (host.signal() === undefined) await host.sleep(interval ?? EVERY_MS);
		}
		return 0;
	},
});

/** Lists the table once. */
async function show(host: Host, query: Query): Promise<void> {
	const { selection, all, stale, dataDir, cache, format } = query;
	readRecords(host, dataDir);
	const context = { host, dataDir, log: () => {}, event: "list" };
	const { live, cached } = takeSnapshot(context, cache);
	// without a selection, it is about the ports of attachments and of other engines
	const ofNode = !all && !isSaid(selection);
	const mapped = live.flatMap((a) => a.mappings);
	const wanted = portsOf(selection);
	const deadline = new Deadline(host, DEADLINE_MS);
	const locals = await localAddresses(host, familiesOf(selection), deadline);
	const here = new Prefilter("orig.dst");
	locals.addTo(here);
	for (const { hostIP } of mapped)
		if (hostIP !== null) here.add(ipBytes(hostIP));
	const ports = new PortSet(ofNode ? here : undefined);
	for (const { proto, hostPort } of wanted) ports.add(proto, hostPort);
	const replied: readonly PortFilter[] = ofNode ? mapped : wanted;
	// entries that a pod began come to its hostPort with their replies
	for (const { proto, hostPort, count } of replied)
		if (hostPort !== null) ports.add(proto, hostPort, "reply", count);
	const isLocal = (ip: string): boolean => locals.has(ip);
	const judge = judgeBy(
		live,
		isLocal,
		host.ticks(),
		readDepartures(host, dataDir),
		cached,
	);
	const rules = openProspects(host, deadline, wanted, (why) =>
		host.write(2, `judged by the records alone: ${why}\n`),
	);
	const hostIPs = new Set(mapped.map((m) => m.hostIP));
	/** Returns the verdict; the rules are asked about addresses of the node and recorded ones only. */
	const verdictOn = async (e: Entry): Promise<Verdict> => {
		const { dst } = e.orig;
		const isAsked = isLocal(dst) || hostIPs.has(dst);
		return judge(e, isAsked ? await rules.of(e) : undefined);
	};
	const printer = entryPrinter(host, format);
	const found = { stale: 0, live: 0, other: 0 };
	const visit = async (hits: readonly Entry[]): Promise<void> => {
		for (const entry of hits) {
			const isOurs =
				all || ofNode
					? agrees(selection, entry)
					: isMeant(selection, entry, isLocal);
			if (!isOurs && !agreesByReply(selection, entry)) continue;
			const verdict = await verdictOn(entry);
			if (!isOurs && !verdict.isBegun) continue;
			if (ofNode && !verdict.attachment && !verdict.isPublished) continue;
			if (stale && verdict.kind !== "stale") continue;
			found[verdict.kind]++;
			printer.row({ entry, verdict });
		}
	};
	const count = { entries: 0, kept: 0, undecodable: 0 };
	const table = new Conntrack(host, deadline);
	try {
		const read = format === "table" ? readEntry : readDetailed;
		await scan(table, ports, count, visit, undefined, read);
	} finally {
		table.close();
		rules.close();
		printer.end();
	}
	if (count.undecodable > 0)
		host.write(2, `${count.undecodable} entries could not be decoded\n`);
	if (format === "table" || format === "wide")
		host.write(1, `${summary(found)}\n`);
	const total = found.stale + found.live + found.other;
	if (ofNode && mapped.length === 0 && total === 0)
		host.write(
			2,
			`no port mapping is recorded in ${dataDir} or cached in ${cache.dir}; try --host-port, --pod-ip or --all\n`,
		);
}

function summary(found: Readonly<Record<string, number>>): string {
	const parts = Object.entries(found).filter(([, n]) => n > 0);
	const total = parts.reduce((sum, [, n]) => sum + n, 0);
	if (total === 0) return "no entries";
	const verdicts = parts.map(([verdict, n]) => `${n} ${verdict}`).join(", ");
	return `${total} ${total === 1 ? "entry" : "entries"}: ${verdicts}`;
}
