// `flush`: removes the entries that the flags select, and no others. Without a condition
// it refuses to start; a dry run prints what it would remove, and why.

import type { Entry } from "../conntrack/entry.ts";
import type { Context } from "../context.ts";
import { failureOf, type Report, total } from "../flush/report.ts";
import { logger } from "../log.ts";
import type { IP } from "../net/ip.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { judgeBy, type Verdict } from "../policy/judge.ts";
import { isSaid, type Selection } from "../policy/selection.ts";
import { readDepartures } from "../state/departures.read.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { command } from "./command.ts";
import { ipvsNotes } from "./ipvs.ts";
import { tellNothingKnown } from "./nothing.ts";
import { OPERANDS, readOperands } from "./operands.ts";
import {
	addressesForList,
	addressesForRemoval,
	lazy,
	type Pods,
	readPods,
} from "./pods.ts";
import { readRecords } from "./records.ts";
import { flushMeant, flushStale, isWideOn, type OnFound } from "./removing.ts";
import { entryPrinter, type Row } from "./rows.ts";
import {
	ALL_PROTOS,
	cacheOf,
	HOST_IP,
	HOST_PORT,
	PLACE_IN_WORDS,
	protoFlag,
	SELECT,
	selectionOf,
	WHERE,
} from "./selecting.ts";
import { UsageError } from "./usage.ts";
import { PORT, RULES, TEXT_OR_JSON } from "./values.ts";
import { canAsk, isAgreed, Whom } from "./whom.ts";

/** The conditions. If one of them is typed, the environment is not read. */
const CONDITIONS = ["stale", "hostPort", "hostIP", ...Object.keys(WHERE)];

export const flushCommand = command({
	name: "flush",
	summary: "remove the entries of a hostPort or a pod, or all stale entries",
	about: `Removes the entries that came to --host-port, that clients (--from) sent, that were sent to a destination (--to), that a rule has sent to a pod (--pod, --leads-to), whose replies come to an address (--answered-at), or with --stale the entries that keep traffic from this node's attachments. One of these conditions is required; without it nothing is removed. An entry must match all that are given. A port or a pod may stand without its flag.

It removes the entries that "list" shows with the same flags; those that a departed pod began from its hostPort go with --stale only. Without --stale the entries may be healthy, so first look at the list, or use --dry-run. If more is selected than one port of this node, a dry run says how many entries of whom would go, and on a terminal flush asks before it removes them; --yes keeps it from asking. Without --proto, list shows all protocols, but flush without --stale removes only UDP entries.

TCP connections without NAT, such as those of the node's own listeners, are never removed. With --host-port, traffic that only passes through this node to the same port number on another host is never touched, unless --host-ip names an address that is not the node's; flush then warns of it. --to selects it. An entry that was replaced after it was read is left alone and counted as already gone.

${PLACE_IN_WORDS}

If TARGET_IP and TARGET_PORT are in the environment and none of these conditions is typed, it does the work of flush-conntrack's init container, without asking the API server.`,
	operands: OPERANDS,
	flags: {
		hostPort: {
			...HOST_PORT,
			env: "TARGET_PORT",
			envUnless: CONDITIONS,
			// one port, as flush-conntrack has it
			parseEnv(text: string, variable: string) {
				const port = PORT.parse(text, variable);
				return [{ first: port, last: port }];
			},
		},
		hostIP: { ...HOST_IP, env: "TARGET_IP", envUnless: CONDITIONS },
		...WHERE,
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
		yes: {
			short: "y",
			help: "do not ask on a terminal",
		},
		output: TEXT_OR_JSON,
	},
	examples: [
		{
			to: "clients do not reach a pod: see what would be removed, then remove it",
			line: "conntrack-flush flush --stale --dry-run\nconntrack-flush flush --stale",
		},
		{
			to: "remove the entries of a hostPort that is not recorded",
			line: "conntrack-flush flush 53 --host-ip 203.0.113.10",
		},
		{
			to: "remove the entries of one client: see them, then remove them",
			line: "conntrack-flush flush --from 192.0.2.7 --dry-run\nconntrack-flush flush --from 192.0.2.7",
		},
		{
			to: "remove all entries that rules have sent to a pod that no longer exists",
			line: "conntrack-flush flush --pod default/statsd-1 --proto all",
		},
		{
			to: "remove the entries that are translated to an address that this node has lost",
			line: "conntrack-flush flush --answered-at 198.51.100.7",
		},
	],
	async run(host, flags, operands) {
		const { dryRun, output, stale, rules, dataDir, cniCacheDir } = flags;
		const event = "flush";
		const log = logger(host, "warn", undefined, { event });
		const context = { host, dataDir, log, event };
		const cache = cacheOf(cniCacheDir, flags.proto);
		const pods = lazy(() => readPods(context, cache));
		const said = readOperands(host, operands, flags, pods);
		const pod =
			said.pod === undefined
				? undefined
				: pods().find(said.pod, "--pod: not a pod");
		// what is stale works for nobody, whoever has the address now
		const addresses =
			pod && (stale ? addressesForList : addressesForRemoval)(pod, pods());
		for (const note of addresses?.notes ?? []) host.write(2, `${note}\n`);
		const selection = selectionOf(
			{ ...flags, ...said },
			addresses?.ips,
			stale ? ALL_PROTOS : [IPPROTO_UDP],
		);
		if (!stale && !isSaid(selection))
			throw new UsageError(
				"flush needs a condition: a port of this node, a pod, --from, --to, --leads-to, --answered-at or --stale",
			);
		if (rules !== undefined && !stale)
			throw new UsageError("--rules is for --stale");
		// only --stale depends on the records
		if (stale) readRecords(host, dataDir);
		const isWide = !stale && (await isWideOn(host, selection));
		const whom = new Whom();
		const asks = isWide && !dryRun && !flags.yes && canAsk(host);
		if (asks && !(await isAllowed(context, selection, whom, pods))) return 1;
		const printer = entryPrinter(host, output === "json" ? "json" : "table");
		const ipvs = ipvsNotes(host);
		const explain =
			dryRun &&
			explained(context, cache, ({ entry, verdict }) =>
				printer.row({ entry, verdict: ipvs.explain(entry, verdict) }),
			);
		const shown: OnFound | undefined = explain
			? (e, isLocal, verdict) => {
					whom.add(e);
					explain(e, isLocal, verdict);
				}
			: undefined;
		// who is told of each entry costs a verdict for each
		const found = shown ?? (ipvs.isThere ? ipvs.count : undefined);
		// what comes after a look that found nothing was not asked about
		const isLook = dryRun || (asks && whom.total === 0);
		const action = isLook ? "count" : "delete";
		const report = stale
			? await flushStale(context, cache, selection, rules, action, found)
			: await flushMeant(context, selection, action, found);
		if (dryRun) printer.end();
		// a failed look has no result, and a failed flush that removed nothing has no counts
		if (report.error !== undefined && report.deleted + report.expired === 0)
			throw report.error;
		if (output === "text") {
			if (dryRun && isWide && whom.total > 0)
				host.write(1, `${whom.words(pods().nameFor)}\n`);
			host.write(1, `${inWords(report, dryRun)}\n`);
		} else if (!dryRun) host.write(1, `${JSON.stringify(asData(report))}\n`);
		ipvs.tell(report.reasons.size > 0);
		if (stale && report.reasons.size === 0)
			await tellNothingKnown(context, { attachments: cache, rules }, [
				"--host-port",
				"--from",
				"--pod",
			]);
		const failure = failureOf(report);
		if (failure !== undefined) throw failure;
		return 0;
	},
});

/** Counts in `whom` what would go, and asks about it if there is something. Throws what kept it from looking. */
async function isAllowed(
	context: Context,
	selection: Selection,
	whom: Whom,
	pods: () => Pods,
): Promise<boolean> {
	const { host } = context;
	const look = await flushMeant(context, selection, "count", (e) =>
		whom.add(e),
	);
	if (look.error !== undefined) throw look.error;
	if (whom.total === 0) return true;
	const found = whom.words(pods().nameFor);
	const question = `this removes ${found}, healthy or not, and what comes until you answer\nremove them?`;
	if (isAgreed(host, question)) return true;
	host.write(2, "nothing removed\n");
	return false;
}

/** Returns a function that passes each entry to `row` with the verdict about it. */
function explained(
	context: Context,
	cache: CacheSource,
	row: (r: Row) => void,
): OnFound {
	const { host, dataDir } = context;
	let judge: ((e: Entry) => Verdict) | undefined;
	/** Reads the attachments a second time, which is not for a pass that finds nothing: ten thousand mappings need memory. */
	const judgeNow = (isLocal: (ip: IP) => boolean) => {
		const { live, cached } = takeSnapshot(context, cache);
		const departures = readDepartures(host, dataDir);
		return judgeBy(live, isLocal, host.ticks(), departures, cached);
	};
	return (entry, isLocal, verdict) => {
		judge ??= judgeNow(isLocal);
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
