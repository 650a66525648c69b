// `flush`: removes entries on demand, those that are named and no others.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { LocalAddresses, localAddresses } from "../flush/addresses.ts";
import { flush as flushTable, type Request } from "../flush/flush.ts";
import { failureOf, type Report, total } from "../flush/report.ts";
import { logger } from "../log.ts";
import type { IP } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import {
	familiesOf,
	isMeant,
	isSaid,
	portsOf,
	type Selection,
} from "../policy/selection.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { recorded } from "../reconcile/recorded.ts";
import type { Source } from "../reconcile/source.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, liveAttachments } from "../state/liveness.ts";
import { command } from "./command.ts";
import {
	ALL_PROTOS,
	cacheOf,
	entryPrinter,
	HOST_IP,
	HOST_PORT,
	protoFlag,
	type Row,
	SELECT,
	selectionOf,
} from "./entries.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import { oneOf } from "./values.ts";

const DEADLINE_MS = 600_000;

/** Where one of these is typed, that is what is meant, and the environment is not asked. */
const SAID = ["stale", "podIP", "hostPort", "hostIP"];

/** Told of each entry that goes; `isLocal` knows the node's addresses. */
type Tell = (e: Entry, isLocal: (ip: IP) => boolean) => void;

export const flushCommand = command({
	name: "flush",
	summary: "remove the entries of a hostPort or a pod, or all stale ones",
	about: `Removes the entries that came to --host-port, those that a rule has sent to --pod-ip, or with --stale those that keep traffic from this node's attachments. Several conditions narrow each other down. Without one of these three nothing is removed.

It removes what "list" with the same flags shows, healthy entries too unless --stale is given: first look, or try --dry-run. But where --proto is not given, list shows all protocols, and flush without --stale removes entries of udp alone. Traffic that merely passes by to the same port number elsewhere is never touched, nor are TCP connections of the node's own listeners. An entry that was replaced since it was read is left alone and counted as already gone.

With TARGET_IP and TARGET_PORT in its environment, and none of these conditions typed, it does what the init container of flush-conntrack does, without asking the API server.`,
	flags: {
		hostPort: { ...HOST_PORT, env: "TARGET_PORT", envUnless: SAID },
		hostIP: { ...HOST_IP, env: "TARGET_IP", envUnless: SAID },
		proto: protoFlag("udp, with --stale all,"),
		...SELECT,
		dryRun: {
			short: "n",
			help: "only show what would be removed, and why",
		},
		output: {
			...oneOf("FORMAT", ["text", "json"]),
			short: "o",
			fallback: "text",
			help: "how to print",
		},
	},
	examples: [
		{
			to: "a pod's clients are lost: what would go, then let it go",
			line: "conntrack-flush flush --stale --dry-run\nconntrack-flush flush --stale",
		},
		{
			to: "by hand, for a hostPort that nothing recorded",
			line: "conntrack-flush flush --host-port 53 --host-ip 203.0.113.10",
		},
		{
			to: "all that rules still send to a pod that is gone",
			line: "conntrack-flush flush --pod-ip 10.88.0.2 --proto all",
		},
	],
	async run(host, { dryRun, output, stale, dataDir, cniCacheDir, ...flags }) {
		const selection = selectionOf(flags, stale ? ALL_PROTOS : [IPPROTO_UDP]);
		if (!stale && !isSaid(selection))
			throw new UsageError(
				"flush needs --host-port PORT, --pod-ip IP or --stale",
			);
		// what is meant without --stale, no record has to say
		if (stale) readRecords(host, dataDir);
		const event = "flush";
		const log = logger(host, "warn", undefined, { event });
		const site = { host, dataDir, log, event };
		const printer = entryPrinter(host, output === "json" ? "json" : "table");
		const cache = cacheOf(cniCacheDir, flags.proto);
		const found = dryRun ? explained(site, cache, printer.row) : () => {};
		const action = dryRun ? "count" : "delete";
		const report = stale
			? await flushStale(site, cache, selection, action, found)
			: await flushMeant(site, selection, action, found);
		if (dryRun) printer.end();
		// a look that failed found nothing out, and what did nothing has no counts
		if (report.error !== undefined && report.deleted + report.expired === 0)
			throw report.error;
		if (output === "text") host.write(1, `${inWords(report, dryRun)}\n`);
		else if (!dryRun) host.write(1, `${JSON.stringify(asData(report))}\n`);
		const failure = failureOf(report);
		if (failure !== undefined) throw failure;
		return 0;
	},
});

/** Removes the stale ones of those that are meant. */
function flushStale(
	site: Context,
	cache: CacheSource,
	selection: Selection,
	action: "count" | "delete",
	found: Tell,
): Promise<Report> {
	let local = (_: IP): boolean => false;
	const source: Source = (isLocal) => {
		local = isLocal;
		const desired = recorded(site, cache)(isLocal);
		return {
			...desired,
			judge: (e) =>
				isMeant(selection, e, isLocal) ? desired.judge(e) : undefined,
		};
	};
	return reconcile(site, [source], action, (e) => found(e, local));
}

/** Removes all that are meant. */
function flushMeant(
	{ host, log }: Context,
	selection: Selection,
	action: "count" | "delete",
	found: Tell,
): Promise<Report> {
	let locals = new LocalAddresses();
	const isLocal = (ip: IP): boolean => locals.has(ip);
	const request: Request = {
		async prepare(deadline) {
			locals = await localAddresses(host, familiesOf(selection), deadline);
			return {
				ports: portsOf(selection),
				judge(e) {
					if (!isMeant(selection, e, isLocal)) return undefined;
					found(e, isLocal);
					return "asked";
				},
			};
		},
		action,
		deadlineMs: DEADLINE_MS,
	};
	return flushTable(host, request, log);
}

/** Hands entries to `row` with what is known of them. */
function explained(
	site: Context,
	cache: CacheSource,
	row: (r: Row) => void,
): Tell {
	const { host, dataDir } = site;
	const live = liveAttachments(site, cache);
	const gone = readDepartures(host, dataDir);
	let explain: ((e: Entry) => Verdict) | undefined;
	return (entry, isLocal) => {
		explain ??= judgeBy(live, isLocal, host.ticks(), gone);
		row({ entry, verdict: explain(entry) });
	};
}

function inWords(report: Report, dryRun: boolean): string {
	const { deleted, expired: gone, kept } = report;
	return dryRun
		? `would delete ${total(report.reasons.values())}, keep ${kept}`
		: `deleted ${deleted}, already gone ${gone}, kept ${kept}`;
}

function asData({ deleted, expired: gone, kept, scanned, ms }: Report): object {
	return {
		deleted,
		alreadyGone: gone,
		kept,
		scanned: scanned.entries,
		ms: Math.round(ms),
	};
}
