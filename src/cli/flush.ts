// `flush`: removes the entries that the flags select, and no others. Without a condition
// it refuses to start; a dry run prints what it would remove, and why.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { LocalAddresses } from "../flush/addresses.ts";
import { flush } from "../flush/flush.ts";
import { joinReports } from "../flush/report.join.ts";
import { failureOf, type Report, total } from "../flush/report.ts";
import type { Request } from "../flush/search.ts";
import type { Host } from "../host.ts";
import { logger } from "../log.ts";
import { hostIPOf, type IP } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { Deadline } from "../netlink/deadline.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import type { RuleScope } from "../policy/published.ts";
import {
	agreesByReply,
	familiesOf,
	isMeant,
	isSaid,
	leavesNothingOut,
	portsOf,
	type Selection,
} from "../policy/selection.ts";
import type { Reason } from "../policy/stale.ts";
import { repairByRules } from "../reconcile/byrules.ts";
import { RepairMemory } from "../reconcile/memory.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { leadingToLive, recorded } from "../reconcile/recorded.ts";
import type { Source } from "../reconcile/source.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { command } from "./command.ts";
import { readRecords } from "./records.ts";
import { entryPrinter, type Row } from "./rows.ts";
import {
	ALL_PROTOS,
	cacheOf,
	HOST_IP,
	HOST_PORT,
	protoFlag,
	SELECT,
	selectionOf,
} from "./selecting.ts";
import { UsageError } from "./usage.ts";
import { oneOf, RULES } from "./values.ts";

const DEADLINE_MS = 600_000;

/** The conditions. If one of them is typed, the environment is not read. */
const CONDITIONS = ["stale", "podIP", "hostPort", "hostIP"];

/** Is called for each entry that is to be removed; `isLocal` knows the node's addresses. */
type OnFound = (
	e: Entry,
	isLocal: (ip: IP) => boolean,
	verdict?: Verdict,
) => void;

export const flushCommand = command({
	name: "flush",
	summary: "remove the entries of a hostPort or a pod, or all stale entries",
	about: `Removes the entries that came to --host-port, the entries that a rule has sent to --pod-ip, or with --stale the entries that keep traffic from this node's attachments. At least one of these three conditions is required; without it nothing is removed. If there are several, an entry must match all of them.

It removes the entries that "list" shows with the same flags. Without --stale these may be healthy, so first look at the list, or use --dry-run. There is one difference: without --proto, list shows all protocols, but flush without --stale removes only UDP entries. Without --host-ip, traffic that only passes through this node to the same port number on another host is never touched. With a --host-ip that is no address of this node, that traffic is what is removed, of whatever host has the address; flush then warns of it. TCP connections of the node's own listeners are never touched either. An entry that was replaced after it was read is left alone and counted as already gone.

If TARGET_IP and TARGET_PORT are in the environment and none of these conditions is typed, it does the work of flush-conntrack's init container, without asking the API server.`,
	flags: {
		hostPort: { ...HOST_PORT, env: "TARGET_PORT", envUnless: CONDITIONS },
		hostIP: { ...HOST_IP, env: "TARGET_IP", envUnless: CONDITIONS },
		proto: protoFlag("udp, or all with --stale"),
		...SELECT,
		rules: {
			...RULES,
			help: "with --stale: also remove UDP entries that contradict the rules of portmap, netavark, Docker, CRI-O and Incus; with =all also those of firewalld and hand-written rules",
		},
		dryRun: {
			short: "n",
			help: "remove nothing; show what would be removed, and why",
		},
		output: {
			...oneOf("FORMAT", ["text", "json"]),
			short: "o",
			fallback: "text",
			help: "the output format",
		},
	},
	examples: [
		{
			to: "clients do not reach a pod: see what would be removed, then remove it",
			line: "conntrack-flush flush --stale --dry-run\nconntrack-flush flush --stale",
		},
		{
			to: "remove the entries of a hostPort that is not recorded",
			line: "conntrack-flush flush --host-port 53 --host-ip 203.0.113.10",
		},
		{
			to: "remove all entries that rules have sent to a pod that no longer exists",
			line: "conntrack-flush flush --pod-ip 10.88.0.2 --proto all",
		},
	],
	async run(
		host,
		{ dryRun, output, stale, rules, dataDir, cniCacheDir, ...flags },
	) {
		const selection = selectionOf(flags, stale ? ALL_PROTOS : [IPPROTO_UDP]);
		if (!stale && !isSaid(selection))
			throw new UsageError(
				"flush needs --host-port PORT, --pod-ip IP or --stale",
			);
		if (rules !== undefined && !stale)
			throw new UsageError("--rules is for --stale");
		// only --stale depends on the records
		if (stale) readRecords(host, dataDir);
		const event = "flush";
		const log = logger(host, "warn", undefined, { event });
		const context = { host, dataDir, log, event };
		const printer = entryPrinter(host, output === "json" ? "json" : "table");
		const cache = cacheOf(cniCacheDir, flags.proto);
		const found = dryRun ? explained(context, cache, printer.row) : undefined;
		const action = dryRun ? "count" : "delete";
		const report = stale
			? await flushStale(context, cache, selection, rules, action, found)
			: await flushMeant(context, selection, action, found);
		if (dryRun) printer.end();
		// a failed look has no result, and a failed flush that removed nothing has no counts
		if (report.error !== undefined && report.deleted + report.expired === 0)
			throw report.error;
		if (output === "text") host.write(1, `${inWords(report, dryRun)}\n`);
		else if (!dryRun) host.write(1, `${JSON.stringify(asData(report))}\n`);
		const failure = failureOf(report);
		if (failure !== undefined) throw failure;
		return 0;
	},
});

/** Removes those selected entries that are stale, by the records and with `rules` by the rules alone. */
async function flushStale(
	context: Context,
	cache: CacheSource,
	selection: Selection,
	rules: RuleScope | undefined,
	action: "count" | "delete",
	found: OnFound | undefined,
): Promise<Report> {
	let local = (_: IP): boolean => false;
	const source: Source = (isLocal) => {
		local = isLocal;
		const desired = recorded(context, cache)(isLocal);
		const judge = (e: Entry): Reason | undefined => {
			const reason = desired.judge(e);
			const isSelected =
				reason === "begun-by-pod"
					? agreesByReply(selection, e)
					: isMeant(selection, e, isLocal);
			return isSelected ? reason : undefined;
		};
		// a selection may look at the client
		const isOpen = leavesNothingOut(selection);
		return { ...desired, judge, ...(isOpen && { judgesKinds: judge }) };
	};
	const report = await reconcile(
		context,
		[source],
		action,
		found && ((e) => found(e, local)),
	);
	if (rules === undefined || report.error !== undefined) return report;
	// all that such a repair looks at is UDP
	const isAll =
		leavesNothingOut(selection) && selection.protos.includes(IPPROTO_UDP);
	const byRules = await repairByRules(context, {
		scope: rules,
		action,
		memory: new RepairMemory(),
		spares: () => leadingToLive(context, cache),
		...(!isAll && {
			isMeant: (e, isLocal) => isMeant(selection, e, isLocal),
		}),
		found: (e, reason, _, words = "") =>
			found?.(e, local, {
				kind: "stale",
				reason: reason as Reason,
				why: words,
			}),
	});
	return joinReports(report, byRules);
}

/** Removes every selected entry, healthy or not. */
function flushMeant(
	{ host, log }: Context,
	selection: Selection,
	action: "count" | "delete",
	found: OnFound | undefined,
): Promise<Report> {
	let locals = new LocalAddresses();
	const isLocal = (ip: IP): boolean => locals.has(ip);
	const request: Request = {
		async prepare(shared) {
			locals = await shared.locals(new Set(familiesOf(selection)));
			warnOfPassing(host, selection, locals);
			return {
				ports: portsOf(selection),
				judge(e) {
					if (!isMeant(selection, e, isLocal)) return undefined;
					found?.(e, isLocal);
					return "asked";
				},
			};
		},
		action,
	};
	return flush(host, request, log, new Deadline(host, DEADLINE_MS));
}

/** Warns if the selection is of what passes through the node. It is no error: a virtual address may just have left. */
function warnOfPassing(
	host: Host,
	{ hostIP, podIP }: Selection,
	locals: LocalAddresses,
): void {
	if (hostIP === undefined || hostIPOf(hostIP) === null) return;
	if (podIP === undefined && !locals.isLocal(hostIP))
		host.write(
			2,
			`${hostIP} is no address of this node: every entry of what passes through to it there is meant, healthy or not\n`,
		);
}

/** Returns a function that passes each entry to `row` with the verdict about it. */
function explained(
	context: Context,
	cache: CacheSource,
	row: (r: Row) => void,
): OnFound {
	const { host, dataDir } = context;
	const { live, cached } = takeSnapshot(context, cache);
	const departures = readDepartures(host, dataDir);
	let judge: ((e: Entry) => Verdict) | undefined;
	return (entry, isLocal, verdict) => {
		judge ??= judgeBy(live, isLocal, host.ticks(), departures, cached);
		row({ entry, verdict: verdict ?? judge(entry) });
	};
}

function inWords(report: Report, dryRun: boolean): string {
	const { deleted, expired, kept } = report;
	return dryRun
		? `would delete ${total(report.reasons.values())}, keep ${kept}`
		: `deleted ${deleted}, already gone ${expired}, kept ${kept}`;
}

function asData({ deleted, expired, kept, scanned, ms }: Report): object {
	return {
		deleted,
		alreadyGone: expired,
		kept,
		scanned: scanned.entries,
		ms: Math.round(ms),
	};
}
