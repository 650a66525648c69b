// `list`: the entries of hostPorts and what is to be said of each, printed as
// they are read. It changes nothing.

import { readDetailed } from "../conntrack/detail.ts";
import { type Entry, readEntry } from "../conntrack/entry.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack } from "../conntrack/table.ts";
import { localAddresses } from "../flush/addresses.ts";
import type { Host } from "../host.ts";
import { Deadline } from "../netlink/exchange.ts";
import { judgeBy } from "../policy/judge.ts";
import {
	agrees,
	familiesOf,
	isMeant,
	isSaid,
	portsOf,
	type Selection,
} from "../policy/selection.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, liveAttachments } from "../state/liveness.ts";
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

interface Wish {
	readonly selection: Selection;
	/** Also what is no hostPort's. */
	readonly all: boolean;
	readonly stale: boolean;
	readonly dataDir: string;
	readonly cache: CacheSource;
	readonly format: Format;
}

export const listCommand = command({
	name: "list",
	summary: "show the entries of hostPorts, which are stale, and why",
	about: `Shows the entries of the recorded attachments' hostPorts; with --host-port or --pod-ip, those of that hostPort or pod, recorded or not; with --all, every UDP, TCP and SCTP entry. Other flags narrow that down. Changes nothing.

VERDICT is live where an entry leads to the pod that its hostPort is mapped to, stale where it keeps traffic from it, and other where no recorded hostPort has to do with it.

The table is printed as it is read, in constant memory. json is an array, jsonl an object a line; wide and both of them also have what the kernel says of state, seconds left, mark and zone.`,
	flags: {
		hostPort: HOST_PORT,
		hostIP: HOST_IP,
		proto: protoFlag("all"),
		...SELECT,
		all: { help: "also what is no hostPort's: every entry" },
		output: {
			...FORMAT,
			short: "o",
			fallback: "table",
			help: "how to print",
		},
		watch: {
			short: "w",
			help: "again and again, until SIGINT or SIGTERM",
		},
		interval: {
			...INTERVAL,
			help: "with --watch: the pause in between; 2s if not given",
		},
	},
	examples: [
		{
			to: "what keeps traffic from this node's pods, and why",
			line: "conntrack-flush list --stale",
		},
		{
			to: "who sends to hostPort 8125, and where it ends",
			line: "conntrack-flush list --host-port 8125 --proto udp -o wide",
		},
		{
			to: "for a program",
			line: "conntrack-flush list --stale -o jsonl | jq -r .why",
		},
	],
	async run(host, { output: format, watch, interval, all, ...flags }) {
		if (interval !== undefined && !watch)
			throw new UsageError("--interval is for --watch");
		const wish = {
			selection: selectionOf(flags, ALL_PROTOS),
			all,
			stale: flags.stale,
			dataDir: flags.dataDir,
			cache: cacheOf(flags.cniCacheDir, flags.proto),
			format,
		};
		if (!watch) {
			await show(host, wish);
			return 0;
		}
		const readable = format === "table" || format === "wide";
		const between = isTerminal(host) && readable ? CLEAR : "\n";
		for (let first = true; host.signal() === undefined; first = false) {
			if (readable && (!first || between === CLEAR)) host.write(1, between);
			await show(host, wish);
			if (host.signal() === undefined) await host.sleep(interval ?? EVERY_MS);
		}
		return 0;
	},
});

async function show(host: Host, wish: Wish): Promise<void> {
	const { selection, all, stale, dataDir, cache, format } = wish;
	readRecords(host, dataDir);
	const site = { host, dataDir, log: () => {}, event: "list" };
	const live = liveAttachments(site, cache);
	const ofRecords = !all && !isSaid(selection);
	const wanted = ofRecords
		? live.flatMap((a) => a.mappings)
		: portsOf(selection);
	if (wanted.length === 0)
		host.write(
			2,
			`no port mapping is recorded in ${dataDir} or cached in ${cache.dir}; try --host-port, --pod-ip or --all\n`,
		);
	const ports = new PortSet();
	for (const { proto, hostPort } of wanted) ports.add(proto, hostPort);

	const deadline = new Deadline(host, DEADLINE_MS);
	const locals = await localAddresses(host, familiesOf(selection), deadline);
	const isLocal = (ip: string): boolean => locals.has(ip);
	const explain = judgeBy(
		live,
		isLocal,
		host.ticks(),
		readDepartures(host, dataDir),
	);
	const printer = entryPrinter(host, format);
	const found = { stale: 0, live: 0, other: 0 };
	const visit = (hits: readonly Entry[]): void => {
		for (const entry of hits) {
			const isOurs =
				all || ofRecords
					? agrees(selection, entry)
					: isMeant(selection, entry, isLocal);
			if (!isOurs) continue;
			const verdict = explain(entry);
			if (ofRecords && verdict.attachment === undefined) continue;
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
		printer.end();
	}
	if (count.undecodable > 0)
		host.write(2, `${count.undecodable} entries could not be decoded\n`);
	if (format === "table" || format === "wide")
		host.write(1, `${summary(found)}\n`);
}

function summary(found: Readonly<Record<string, number>>): string {
	const parts = Object.entries(found).filter(([, n]) => n > 0);
	const total = parts.reduce((sum, [, n]) => sum + n, 0);
	if (total === 0) return "no entries";
	const verdicts = parts.map(([verdict, n]) => `${n} ${verdict}`).join(", ");
	return `${total} ${total === 1 ? "entry" : "entries"}: ${verdicts}`;
}
