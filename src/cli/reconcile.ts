// `reconcile`: reads the flags, and runs a pass once or in a loop. The pass is in
// reconcile.pass.ts, the document in reconcile.document.ts, the words in
// reconcile.words.ts.

import type { Context } from "../context.ts";
import { failureOf, type Report } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { logger, wordsOf } from "../log.ts";
import type { IP } from "../net/ip.ts";
import { IPPROTO_UDP, type Proto } from "../net/proto.ts";
import { DocumentError } from "../reconcile/frontends.ts";
import { logRepair } from "../reconcile/reconcile.ts";
import type { CacheSource } from "../state/liveness.ts";
import { command } from "./command.ts";
import { isStream } from "./input.ts";
import { ipvsNotes } from "./ipvs.ts";
import { tellNothingKnown } from "./nothing.ts";
import { isClosedPipe } from "./pipe.ts";
import { documentOf } from "./reconcile.document.ts";
import { passes } from "./reconcile.pass.ts";
import { holders, line, summary } from "./reconcile.words.ts";
import { readRecords } from "./records.ts";
import { UsageError } from "./usage.ts";
import {
	CACHE_DIR_FLAG,
	DATA_DIR_FLAG,
	duration,
	PROTO,
	RULES,
	text,
} from "./values.ts";

/** A pass over a large table takes seconds. */
const INTERVAL = duration("1s");
/** The part of the interval by which a pass may be early or late, so that nodes do not run in step. */
const JITTER = 0.1;

export const reconcileCommand = command({
	name: "reconcile",
	summary: "remove every entry that contradicts the desired state",
	about: `Reads the desired state, looks at every entry of the table once, and deletes the entries that contradict the desired state.

The desired state comes from the node's attachments, or from a JSON document, or from both. The document is a cluster's Services as kubectl prints them (--services), or a list of frontends and their endpoints, for any other proxy (--frontends; --schema prints its schema). An entry that is right for one of the sources stays.

The attachments are those that the plugin has recorded, and those in libcni's cache that portmap has mapped. If an attachment is recorded and absent from the cache, but others of its network are in the cache, then it has ended without the plugin and does not count.

An entry of a frontend stays if it leads to the address and port of one of the frontend's endpoints. If a frontend has no endpoints, all its entries are deleted. So list a deleted Service once more, with "endpoints": []. In a loop this is not needed: a frontend that disappears from the document counts as deleted. A Service that was deleted and created again has the endpoints that the document gives it now. A nodePort is claimed only on the node's own addresses; ports of the same number on other hosts are not touched.

With --services it handles what kube-proxy handles, and needs both the Services and the EndpointSlices: a list without one of the two kinds is refused. A Service that has a selector but no EndpointSlice, and one with an endpoint that cannot be read, keeps its entries. Other odd values are skipped with a warning. First write the list to a file, because a pipe hides that kubectl failed midway.

A loop believes no great loss at once: if a document lacks more than a quarter of the endpoints of the last one, and more than one, they count until the next document lacks them too. A document that cannot be read, or that lacks a kind, changes nothing.

With --rules no record is needed: an entry goes if rules of an engine that publishes ports send its frontend, and cannot send it where it leads. Entries that kube-proxy's rules decide about are never touched by this; --services and --frontends are for those.

TCP entries are deleted only with --proto tcp, and only if a rule has sent them to the wrong place.`,
	flags: {
		frontends: {
			...text("FILE"),
			help: "a JSON document of frontends and their endpoints; - is standard input",
		},
		services: {
			...text("FILE"),
			help: "Services and EndpointSlices as kubectl get services,endpointslices -A -o json prints them; - is standard input",
		},
		attachments: {
			help: "with a document: use the recorded and cached attachments too; without it they are the only source",
		},
		dataDir: DATA_DIR_FLAG,
		cniCacheDir: CACHE_DIR_FLAG,
		proto: {
			...PROTO,
			many: true,
			help: "handle frontends and cached mappings of this protocol; udp if not given",
		},
		dryRun: {
			short: "n",
			help: "delete nothing; print what would be deleted, and why",
		},
		interval: {
			...INTERVAL,
			help: "repeat after this time, plus or minus a tenth; the document is read again each time",
		},
		once: { help: "run once, as without --interval" },
		rules: {
			...RULES,
			help: "also delete UDP entries that contradict the rules of portmap, netavark, Docker, CRI-O and Incus, recorded or not; with =all also those that contradict rules of firewalld and rules written by hand",
		},
		schema: {
			help: "only print the JSON Schema of the document of frontends",
		},
	},
	examples: [
		{
			to: "remove what is stale since a time when the plugin was not installed",
			line: "conntrack-flush reconcile",
		},
		{
			to: "see what a document of frontends would remove",
			line: `echo '{"frontends": [{"ips": ["10.96.0.10"], "port": 53,
"endpoints": ["10.88.0.2:5353"]}]}' |
conntrack-flush reconcile --frontends - --dry-run`,
		},
		{
			to: "see what the Services of a cluster would remove on this node",
			line: `kubectl get services,endpointslices -A -o json > /run/services.json &&
conntrack-flush reconcile --services /run/services.json --dry-run`,
		},
		{
			to: "repair the published ports of Docker or Podman",
			line: "conntrack-flush reconcile --rules --interval 1s",
		},
		{
			to: "repair hostPorts and Services every half minute",
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
		const { dataDir, dryRun, interval } = values;
		if (interval !== undefined && values.once)
			throw new UsageError("--interval and --once contradict each other");
		const protos: readonly Proto[] =
			values.proto.length > 0 ? values.proto : [IPPROTO_UDP];
		const document = documentOf(host, values, protos);
		if (interval !== undefined && document && isStream(host, document.file))
			throw new UsageError("--interval needs a file, which it can read again");
		const context: Context = {
			host,
			dataDir,
			log: logger(host, "info", undefined, { event: "reconcile" }),
			event: "reconcile",
		};
		const byRecords = values.attachments || !document;
		if (byRecords) readRecords(host, dataDir);
		const cache: CacheSource = { dir: values.cniCacheDir, protocols: protos };
		const attachments = byRecords ? cache : undefined;
		const ipvs = ipvsNotes(host);
		let holderOf = (_: IP): string | undefined => undefined;
		let frontends = 0;
		const pass = passes(context, {
			read: async () => {
				if (dryRun) holderOf = holders(context, cache);
				const claims = await document?.read();
				frontends = claims?.length ?? 0;
				return claims;
			},
			cache,
			attachments,
			rules: values.rules,
			action: dryRun ? "count" : "delete",
			found:
				dryRun || ipvs.isThere
					? (e, reason, owner, words) => {
							ipvs.count(e);
							if (!dryRun) return;
							const holder = holderOf(e.reply.src);
							host.write(1, `${line(e, reason, owner, holder, words)}\n`);
						}
					: undefined,
		});
		/** Says what a pass cannot repair, and explains the silence of one that has nothing to go by. In a loop it is for the first pass. */
		const explain = async ({ error, reasons }: Report): Promise<void> => {
			ipvs.tell();
			if (error !== undefined || reasons.size > 0) return;
			await tellNothingKnown(
				context,
				{
					attachments,
					rules: values.rules,
					document: document && { file: document.file, protos, frontends },
				},
				document
					? byRecords
						? []
						: ["--attachments"]
					: ["--services", "--frontends"],
			);
		};
		const file = document?.file;
		return interval === undefined
			? once(host, file, pass, dryRun, explain)
			: loop(context, file, pass, interval, dryRun, explain);
	},
});

async function once(
	host: Host,
	file: string | undefined,
	pass: () => Promise<Report>,
	dryRun: boolean,
	explain: (r: Report) => Promise<void>,
): Promise<number> {
	const report = await first(file, pass);
	// a failed look has no result, and a failed pass that removed nothing has no counts
	if (report.error !== undefined && report.deleted + report.expired === 0)
		throw report.error;
	host.write(1, `${summary(report, dryRun)}\n`);
	await explain(report);
	const failure = failureOf(report);
	if (failure !== undefined) throw failure;
	return 0;
}

async function loop(
	context: Context,
	file: string | undefined,
	pass: () => Promise<Report>,
	interval: number,
	dryRun: boolean,
	explain: (r: Report) => Promise<void>,
): Promise<number> {
	const { host, log } = context;
	for (let n = 0; host.signal() === undefined; n++) {
		// a failure of the first pass is an error; a later one may be temporary
		const report = await (n === 0
			? first(file, pass)
			: pass().catch((e: unknown) =>
					log("error", "pass skipped", { error: wordsOf(e) }),
				));
		if (report) {
			const { error, deleted, expired } = report;
			if (isClosedPipe(error)) throw error;
			if (n === 0 && error !== undefined && deleted + expired === 0)
				throw error;
			if (!dryRun) logRepair(context, report);
			else if (error !== undefined)
				log("warn", "cannot look", { error: wordsOf(error) });
			else if (report.reasons.size > 0)
				host.write(1, `${summary(report, dryRun)}\n`);
			if (n === 0) await explain(report);
		}
		if (host.signal() !== undefined) break;
		await host.sleep(interval * (1 + JITTER * (2 * Math.random() - 1)));
	}
	return 0;
}

/** Runs the first pass, in which a wrong document is an error of usage. */
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
