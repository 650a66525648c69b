// One listing: the entries that a selection is about, each with its verdict, printed while
// the table is read.

import { readDetailed, readShown } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { lookAtOthers } from "../conntrack/others.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { scan } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { Conntrack } from "../conntrack/table.ts";
import { localAddresses } from "../flush/addresses.ts";
import { openProspects } from "../flush/prospects.ts";
import type { Host } from "../host.ts";
import { ipBytes } from "../net/ip.ts";
import { anyProtocolName, isMapped } from "../net/otherprotos.ts";
import { Deadline } from "../netlink/deadline.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import {
	agrees,
	agreesBeside,
	agreesByReply,
	dumpsOf,
	familiesOf,
	isMeant,
	isSaid,
	portsOf,
	prefilterOf,
	type Selection,
} from "../policy/selection.ts";
import { unmappedInWords } from "../policy/unmapped.words.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { ipvsNotes } from "./ipvs.ts";
import { tryInWords } from "./nothing.ts";
import { readRecords } from "./records.ts";
import { entryPrinter, type Format } from "./rows.ts";

/** The reader of the output may be a person with a pager. */
const DEADLINE_MS = 24 * 3_600_000;

/** The flags in the form in which one listing needs them. */
export interface Query {
	readonly selection: Selection;
	/** Shows entries that belong to no hostPort too. */
	readonly all: boolean;
	/** The protocols to show beside the selection's, none of which portmap maps. "all" are shown with `all`, and else counted. */
	readonly others: readonly number[] | "all" | undefined;
	readonly stale: boolean;
	readonly dataDir: string;
	readonly cache: CacheSource;
	readonly format: Format;
}

/** Lists the table once. Throws NetlinkError and SysError. */
export async function show(host: Host, query: Query): Promise<void> {
	const { selection, all, others, stale, dataDir, cache, format } = query;
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
	const ports = new PortSet(ofNode ? here : prefilterOf(selection));
	if (others) lookAtOthers(ports, others);
	for (const { proto, hostPort, count } of wanted)
		ports.add(proto, hostPort, undefined, count);
	// entries that a pod began come to its hostPort with their replies
	const isOfAllPorts = wanted.some(({ hostPort }) => hostPort === null);
	const replied: readonly PortFilter[] = isOfAllPorts ? mapped : wanted;
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
	const rules = openProspects(host, deadline, dumpsOf(selection), (why) =>
		host.write(2, `judged by the records alone: ${why}\n`),
	);
	const hostIPs = new Set(mapped.map((m) => m.hostIP));
	/** Returns the verdict; the rules are asked about addresses of the node and recorded ones only. */
	const verdictOn = async (e: Entry): Promise<Verdict> => {
		const { dst } = e.orig;
		const isAsked = isLocal(dst) || hostIPs.has(dst);
		return judge(e, isAsked ? await rules.of(e) : undefined);
	};
	const ipvs = ipvsNotes(host);
	const printer = entryPrinter(host, format);
	const found = { stale: 0, live: 0, other: 0 };
	let hidden = 0;
	const visit = async (hits: readonly Entry[]): Promise<void> => {
		for (const entry of hits) {
			if (!isMapped(entry.proto)) {
				if (stale || !agreesBeside(selection, entry)) continue;
				if (others === "all" && !all) {
					hidden++;
					continue;
				}
				const why = `no hostPort is of ${anyProtocolName(entry.proto)}`;
				found.other++;
				printer.row({ entry, verdict: { kind: "other", why } });
				continue;
			}
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
			printer.row({ entry, verdict: ipvs.explain(entry, verdict) });
		}
	};
	const count = { entries: 0, kept: 0, undecodable: 0 };
	const table = new Conntrack(host, deadline);
	try {
		const read = format === "table" ? readShown : readDetailed;
		await scan(table, ports, count, visit, undefined, read);
	} finally {
		table.close();
		rules.close();
		printer.end();
	}
	if (count.undecodable > 0)
		host.write(2, `${count.undecodable} entries could not be decoded\n`);
	if (format === "table" || format === "wide") {
		host.write(1, `${summary(found)}${hiddenInWords(hidden)}\n`);
		ipvs.tell();
	}
	const total = found.stale + found.live + found.other;
	const unmapped =
		ofNode && total === 0
			? unmappedInWords(live, dataDir, cache.dir)
			: undefined;
	if (unmapped !== undefined)
		host.write(
			2,
			`${unmapped}; ${tryInWords(["--host-port", "--from", "--pod", "--all"])}\n`,
		);
}

function summary(found: Readonly<Record<string, number>>): string {
	const parts = Object.entries(found).filter(([, n]) => n > 0);
	const total = parts.reduce((sum, [, n]) => sum + n, 0);
	if (total === 0) return "no entries";
	const verdicts = parts.map(([verdict, n]) => `${n} ${verdict}`).join(", ");
	return `${total} ${total === 1 ? "entry" : "entries"}: ${verdicts}`;
}

/** Names the entries of other protocols that are not shown, if there are any. */
function hiddenInWords(hidden: number): string {
	if (hidden === 0) return "";
	const are = hidden === 1 ? "is" : "are";
	return `; ${hidden} of other protocols ${are} not shown, list --all shows them`;
}
