// One listing: the entries that a selection is about, each with its verdict, passed on while
// the table is read.

import { readDetailed, readShown } from "../conntrack/detail.ts";
import type { Entry } from "../conntrack/entry.ts";
import type { PortFilter } from "../conntrack/messages.ts";
import { lookAtOthers } from "../conntrack/others.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { isFound } from "../conntrack/scan.ts";
import { PortSet } from "../conntrack/skip.ts";
import { type Ahead, Conntrack } from "../conntrack/table.ts";
import { portSetOf } from "../flush/find.ts";
import { openVerdicts } from "../flush/verdicts.ts";
import type { Host } from "../host.ts";
import { ipBytes } from "../net/ip.ts";
import { anyProtocolName, isMapped } from "../net/otherprotos.ts";
import { Deadline } from "../netlink/deadline.ts";
import type { Message, RecvBuffer } from "../netlink/reader.ts";
import type { Verdict } from "../policy/judge.ts";
import { type Attachment, addressesOf } from "../policy/mapping.ts";
import {
	agrees,
	agreesBeside,
	agreesByReply,
	dumpsOf,
	familiesOf,
	isMeant,
	isSaid,
	leavesNothingOut,
	portsOf,
	prefilterOf,
	type Selection,
} from "../policy/selection.ts";
import { unmappedInWords } from "../policy/unmapped.words.ts";
import type { CacheSource } from "../state/liveness.ts";
import { dumpsOfStale } from "./dumps.ts";
import { type IPVSNotes, ipvsNotes } from "./ipvs.ts";
import { KnownVerdicts } from "./known.ts";
import { JOINED, Lines } from "./lines.ts";
import { tryInWords } from "./nothing.ts";
import { readRecords } from "./records.ts";
import { entryPrinter, entryTable, type Format, type Row } from "./rows.ts";
import type { Printer, TablePrinter } from "./table.ts";

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
}

/** Where the rows of a listing go. */
export interface Output {
	readonly printer: Printer<Row>;
	/** The same printer, if it prints the format "table": then rows need no details. */
	readonly rows?: TablePrinter<Row> | undefined;
	readonly ipvs: IPVSNotes;
}

/** The result of a listing. */
export interface Listed {
	/** The entries that were shown, by verdict. */
	readonly found: Readonly<Record<Verdict["kind"], number>>;
	/** The entries of other protocols that were not. */
	readonly hidden: number;
	/** The attachments that decided. */
	readonly live: readonly Attachment[];
}

/** An entry that may have to be printed. */
interface Hit {
	readonly entry: Entry;
	/** Its kind if it has one, and the verdict on that if it is known. */
	readonly kind: string | undefined;
	readonly verdict: Verdict | undefined;
}

/** Lists the table once, with what a person wants to know beside the entries. Throws NetlinkError and SysError. */
export async function show(
	host: Host,
	query: Query,
	format: Format,
): Promise<void> {
	const ipvs = ipvsNotes(host);
	const rows = format === "table" ? entryTable(host) : undefined;
	const printer = rows ?? entryPrinter(host, format);
	const { found, hidden, live } = await list(host, query, {
		printer,
		rows,
		ipvs,
	});
	if (format === "table" || format === "wide") {
		host.write(1, `${summary(found)}${hiddenInWords(hidden)}\n`);
		ipvs.tell();
	}
	if (!isOfNode(query) || found.stale + found.live + found.other > 0) return;
	const unmapped = unmappedInWords(live, query.dataDir, query.cache.dir);
	if (unmapped !== undefined)
		host.write(
			2,
			`${unmapped}; ${tryInWords(["--host-port", "--from", "--pod", "--all"])}\n`,
		);
}

/** Returns true if it is about the ports of attachments and of other engines, because nothing else is selected. */
function isOfNode({ all, selection }: Query): boolean {
	return !all && !isSaid(selection);
}

/** Passes the entries that the query is about to the printer, while it reads the table. Throws NetlinkError and SysError. */
export async function list(
	host: Host,
	query: Query,
	{ printer, rows, ipvs }: Output,
): Promise<Listed> {
	const { selection, all, others, stale, dataDir, cache } = query;
	readRecords(host, dataDir);
	const context = { host, dataDir, log: () => {}, event: "list" };
	const ofNode = isOfNode(query);
	const wanted = portsOf(selection);
	const deadline = new Deadline(host, DEADLINE_MS);
	const verdicts = await openVerdicts(
		context,
		cache,
		familiesOf(selection),
		dumpsOf(selection),
		deadline,
		(why) => host.write(2, `judged by the records alone: ${why}\n`),
	);
	const { live, cached, mapped, here, isLocal } = verdicts;
	const isOfAllPorts = wanted.some(({ hostPort }) => hostPort === null);
	const replied: readonly PortFilter[] = isOfAllPorts ? mapped : wanted;
	const sides: readonly PortFilter[] = [
		...wanted,
		// entries that a pod began come to its hostPort with their replies
		...replied
			.filter(({ hostPort }) => hostPort !== null)
			.map((port) => ({ ...port, side: "reply" as const })),
	];
	let ports = new PortSet();
	const hostPorts = new PortSet();
	for (const { proto, hostPort, count } of mapped)
		hostPorts.add(proto, hostPort, undefined, count);
	const pods = new Prefilter("sources");
	for (const ip of [
		...live.flatMap(addressesOf),
		...cached.flatMap((holder) => holder.ips),
	])
		pods.add(ipBytes(ip));
	const known = new KnownVerdicts({
		addresses: here,
		hostPorts,
		pods,
		hasDepartures: verdicts.hasDepartures,
	});
	const verdictOn = async ({ entry, kind }: Hit): Promise<Verdict> => {
		const { verdict, isShared } = await verdicts.of(entry);
		// a row has no spaces at its end
		const isUsual = !verdict.why.endsWith(" ");
		if (kind !== undefined && isShared && isUsual) known.learn(kind, verdict);
		return verdict;
	};
	const isShown = ({ kind, attachment, isPublished }: Verdict): boolean =>
		!(ofNode && !attachment && !isPublished) && !(stale && kind !== "stale");
	const found = { stale: 0, live: 0, other: 0 };
	let hidden = 0;
	const visit = async (hits: readonly (Hit | string)[]): Promise<void> => {
		for (const hit of hits) {
			if (typeof hit === "string") {
				rows?.lines(hit);
				continue;
			}
			const { entry } = hit;
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
			const verdict = hit.verdict ?? (await verdictOn(hit));
			if (!isOurs && !verdict.isBegun) continue;
			if (!isShown(verdict)) continue;
			found[verdict.kind]++;
			printer.row({ entry, verdict: ipvs.explain(entry, verdict) });
		}
	};
	const read = rows ? readShown : readDetailed;
	// what is said of IPVS is said of each entry
	const isOpen = leavesNothingOut(selection) && !ipvs.isThere;
	let lines: Lines | undefined;
	/** The entries of a datagram to print, and lines that are ready for it. */
	let hits: (Hit | string)[] = [];
	/** The last of these lines, one by one. */
	const made: string[] = [];
	const joinMade = (): void => {
		if (made.length > 0) hits.push(made.join(""));
		// a new list would grow again, line by line
		made.length = 0;
	};
	const count = { entries: 0, kept: 0, undecodable: 0 };
	const look = (b: RecvBuffer, m: Message): void => {
		const verdict = known.look(b, m);
		const { kind, orig, reply } = known;
		if (verdict) {
			if (!isShown(verdict)) return;
			if (lines) {
				made.push(lines.line(b, orig, reply, verdict));
				found[verdict.kind]++;
				return;
			}
		}
		const entry = read(b, m);
		joinMade();
		if (isFound(ports, entry)) hits.push({ entry, kind, verdict });
	};
	const ahead: Ahead = (b, at, length, seq) => {
		if (made.length >= JOINED) joinMade();
		return lines?.make(b, at, length, seq, ports, count, found, made) ?? at;
	};
	const settle = async (): Promise<void> => {
		joinMade();
		const settled = hits;
		hits = [];
		if (settled.length > 0) await visit(settled);
		await printer.rest?.();
		if (isOpen && rows?.widths)
			lines ??= new Lines(known, rows.widths, isShown);
	};
	const table = new Conntrack(host, deadline);
	try {
		const dumps =
			ofNode && stale
				? await dumpsOfStale(host, deadline, table, dumpsOf(selection), mapped)
				: [undefined];
		const prefilter = ofNode ? here : prefilterOf(selection);
		for (const dump of dumps) {
			ports = portSetOf(sides, dump, prefilter);
			if (others) lookAtOthers(ports, others);
			await table.pass(ports, count, look, settle, dump, ahead);
		}
	} finally {
		table.close();
		verdicts.close();
		printer.end();
	}
	if (count.undecodable > 0)
		host.write(2, `${count.undecodable} entries could not be decoded\n`);
	return { found, hidden, live };
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
