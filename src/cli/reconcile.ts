// `reconcile`: the desired state is read, and the table made to agree with it,
// once or in a loop.

import type { Context } from "../context.ts";
import type { Action } from "../flush/flush.ts";
import { failureOf, type Report } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { logger } from "../log.ts";
import type { IP } from "../net/ip.ts";
import { IPPROTO_UDP, type Proto } from "../net/proto.ts";
import { DocumentError, readFrontends } from "../reconcile/frontends.ts";
import {
	logRepair,
	type OnStale,
	reconcile as run,
} from "../reconcile/reconcile.ts";
import { dropAbsent, recorded } from "../reconcile/recorded.ts";
import {
	type Claim,
	claimed,
	NO_HISTORY,
	remember,
	serviced,
} from "../reconcile/services.ts";
import type { Source } from "../reconcile/source.ts";
import type { CacheSource } from "../state/liveness.ts";
import { command } from "./command.ts";
import { isStream, readInput } from "./input.ts";
import { isClosedPipe } from "./pipe.ts";
import { departures, leftOut, line, summary } from "./reconcile.words.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import {
	CACHE_DIR_FLAG,
	DATA_DIR_FLAG,
	duration,
	PROTO,
	text,
} from "./values.ts";

/** A pass over a large table takes seconds. */
const INTERVAL = duration("1s");
/** Part of the interval by which a pass may be early or late, so that nodes do not move in step. */
const JITTER = 0.1;

export const reconcileCommand = command({
	name: "reconcile",
	summary: "remove every entry that contradicts what the traffic should be",
	about: `Reads what should be, looks at every entry of the table once, and deletes those that contradict it.

What should be comes from the node's attachments, or with --frontends from a JSON document of Services' frontends and their endpoints (--schema prints what it may hold), or from both. An entry that is right for one of them stays.

The attachments are those that the plugin has recorded and, of those in libcni's cache, the ones that portmap has mapped. What was recorded and is not cached, though others of its network are, has ended without the plugin and does not count.

Of a frontend those entries stay that lead to the address and port of one of its endpoints. Without endpoints all of its entries go: so list a deleted Service once more, with "endpoints": []. In a loop that is not needed; what vanishes from the document is taken for deleted. A Service that was deleted and made again has the endpoints that the document gives it now. A nodePort is claimed on the node's own addresses only; other hosts' ports of that number are not touched.

TCP is only touched where a rule has sent it to the wrong place, and only with --proto tcp.`,
	flags: {
		frontends: {
			...text("FILE"),
			help: "a JSON document of frontends and endpoints; - reads standard input",
		},
		attachments: {
			help: "also recorded and cached attachments, which are all there is without --frontends",
		},
		dataDir: DATA_DIR_FLAG,
		cniCacheDir: CACHE_DIR_FLAG,
		proto: {
			...PROTO,
			many: true,
			help: "protocols whose frontends and cached mappings are handled, udp if not given",
		},
		dryRun: {
			short: "n",
			help: "delete nothing, and print what would go and why",
		},
		interval: {
			...INTERVAL,
			help: "do it again and again, after so long, give or take a tenth; the file is read each time",
		},
		once: { help: "do it once, as without --interval" },
		schema: {
			help: "do nothing but print the JSON Schema of the document of frontends",
		},
	},
	examples: [
		{
			to: "repair what was missed while the plugin was not installed",
			line: "conntrack-flush reconcile",
		},
		{
			to: "see what a document of frontends would remove",
			line: `echo '{"frontends": [{"ips": ["10.96.0.10"], "port": 53, "endpoints": ["10.88.0.2:5353"]}]}' |
    conntrack-flush reconcile --frontends - --dry-run`,
		},
		{
			to: "keep hostPorts and Services right, every half minute",
			line: "conntrack-flush reconcile --frontends /run/frontends.json --attachments --interval 30s",
		},
	],
	async run(host, values) {
		if (values.schema) {
			const { default: schema } = await import(
				"../reconcile/frontends.schema.json"
			);
			host.write(1, `${JSON.stringify(schema, undefined, 2)}\n`);
			return 0;
		}
		const { frontends, dataDir, dryRun, interval } = values;
		if (interval !== undefined && values.once)
			throw new UsageError("--interval and --once contradict each other");
		if (
			interval !== undefined &&
			frontends !== undefined &&
			isStream(host, frontends)
		)
			throw new UsageError("--interval needs a file, which it can read again");
		const protos: readonly Proto[] =
			values.proto.length > 0 ? values.proto : [IPPROTO_UDP];
		const site: Context = {
			host,
			dataDir,
			log: logger(host, "info", undefined, { event: "reconcile" }),
			event: "reconcile",
		};
		const byRecords = values.attachments || frontends === undefined;
		if (byRecords) readRecords(host, dataDir);
		let told = false;
		let since = (_: IP): string | undefined => undefined;
		const pass = passes(site, {
			read: async () => {
				if (dryRun) since = departures(host, dataDir);
				if (frontends === undefined) return undefined;
				const text = readInput(host, frontends);
				const claims = await readFrontends(text);
				const [handled, others] = parted(claims, protos);
				// of a loop once: most documents have Services of all protocols
				if (!told && others.size > 0) host.write(2, leftOut(others));
				told = true;
				return handled;
			},
			attachments: byRecords
				? { dir: values.cniCacheDir, protocols: protos }
				: undefined,
			action: dryRun ? "count" : "delete",
			found: dryRun
				? (e, reason, owner) => {
						const left = since(e.reply.src);
						host.write(1, `${line(e, reason, owner, left)}\n`);
					}
				: undefined,
		});
		return interval === undefined
			? once(host, frontends, pass, dryRun)
			: loop(site, frontends, pass, interval, dryRun);
	},
});

interface Job {
	/** undefined: the document is no source. */
	read(): Promise<Claim[] | undefined>;
	/** undefined: they are no source. */
	readonly attachments: CacheSource | undefined;
	readonly action: Action;
	readonly found: OnStale | undefined;
}

/** One pass after another; each throws if what should be cannot be read, and then nothing was done or forgotten. */
function passes(site: Context, job: Job): () => Promise<Report> {
	let history = NO_HISTORY;
	return async () => {
		const now = await job.read();
		const sources: Source[] = [];
		if (job.attachments) {
			const seen =
				job.action === "count"
					? undefined
					: await dropAbsent(site, job.attachments);
			sources.push(recorded(site, job.attachments, seen));
		}
		if (now) sources.push(serviced(claimed(history, now)));
		const report = await run(site, sources, job.action, job.found);
		if (now) history = remember(history, now, report.error === undefined);
		return report;
	};
}

async function once(
	host: Host,
	file: string | undefined,
	pass: () => Promise<Report>,
	dryRun: boolean,
): Promise<number> {
	const report = await first(file, pass);
	// a look that failed found nothing out, and what did nothing has no counts
	if (report.error !== undefined && report.deleted + report.expired === 0)
		throw report.error;
	host.write(1, `${summary(report, dryRun)}\n`);
	const failure = failureOf(report);
	if (failure !== undefined) throw failure;
	return 0;
}

async function loop(
	site: Context,
	file: string | undefined,
	pass: () => Promise<Report>,
	interval: number,
	dryRun: boolean,
): Promise<number> {
	const { host, log } = site;
	for (let n = 0; host.signal() === undefined; n++) {
		// what does not work at all is an error; what fails later may pass
		const report = await (n === 0
			? first(file, pass)
			: pass().catch((e: unknown) =>
					log("error", "pass skipped", { error: String(e) }),
				));
		if (report) {
			const { error, deleted, expired: gone } = report;
			if (isClosedPipe(error)) throw error;
			if (n === 0 && error !== undefined && deleted + gone === 0) throw error;
			if (!dryRun) logRepair(site, report);
			else if (error !== undefined)
				log("warn", "cannot look", { error: String(error) });
			else if (report.reasons.size > 0)
				host.write(1, `${summary(report, dryRun)}\n`);
		}
		if (host.signal() !== undefined) break;
		await host.sleep(interval * (1 + JITTER * (2 * Math.random() - 1)));
	}
	return 0;
}

/** The first pass, in which a wrong document is a wrong word. */
async function first(
	file: string | undefined,
	pass: () => Promise<Report>,
): Promise<Report> {
	try {
		return await pass();
	} catch (e) {
		throw e instanceof DocumentError
			? new UsageError(`${file}: ${e.message}`)
			: e;
	}
}

/** Those that are handled, and how many of other protocols there are. */
function parted(
	claims: readonly Claim[],
	protos: readonly Proto[],
): [Claim[], ReadonlyMap<Proto, number>] {
	const others = new Map<Proto, number>();
	const handled = claims.filter(({ proto }) => {
		if (protos.includes(proto)) return true;
		others.set(proto, (others.get(proto) ?? 0) + 1);
		return false;
	});
	return [handled, others];
}
