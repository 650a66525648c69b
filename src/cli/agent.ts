// `install --watch`, as a DaemonSet runs it: the duties take turns in one process until
// SIGTERM. The agent undoes nothing when it ends; `uninstall` does that.

import { version } from "../../package.json";
import type { Context } from "../context.ts";
import { total } from "../flush/report.ts";
import type { FullHost } from "../host.ts";
import type { Where } from "../install/paths.ts";
import type { Wishes } from "../install/plan.ts";
import { keeper, type State } from "../install/watch.ts";
import { logger, wordsOf } from "../log.ts";
import { type Options, publisher } from "../metrics/publish.ts";
import { parseEndpoint } from "../net/endpoint.ts";
import { IPPROTO_UDP, type Proto, protocolOf } from "../net/proto.ts";
import type { RuleScope } from "../policy/published.ts";
import { logRepair, reconcileAttachments } from "../reconcile/reconcile.ts";
import { POLL_MS, repairer } from "../reconcile/repair.ts";
import { leftBehind } from "../state/left.ts";
import { awaitQuiet } from "../state/queue.ts";
import { mapped } from "../sweep/scope.ts";
import { type Memory, sweepOnce } from "../sweep/sweep.ts";
import { type Duty, repeat } from "./loop.ts";

export interface Duties {
	readonly everyMs: number;
	/** 0 reconciles only once, for the pods that are older than the agent. */
	readonly reconcileMs: number;
	readonly sweep: boolean;
	/** Whose rules decide about entries that are not recorded; undefined if none do. */
	readonly repairRules: RuleScope | undefined;
	/** The address that serves the metrics, and the file that holds them; each may be absent. */
	readonly metrics: Pick<Options, "address" | "textfile">;
	/** True if the page is served at any address; it is served at one of the loopback in any case. */
	readonly page: boolean;
	/** True if the page may name clients. */
	readonly showClients: boolean;
}

/** The defaults of conntrack-cleaner. */
const SWEEP = { threshold: 3, cap: 1000, dryRun: false };
const SWEEP_MS = 1000;
const PUBLISH_MS = 5000;
/** The pause between two counts of the entries, for the page. */
const COUNT_MS = 30_000;
const FINISH_MS = 5000;
/** After so long at the earliest it is tried again: what has failed may fail for long. */
const AGAIN_MS = 60_000;

/** Runs the duties until a signal comes, and returns the exit code. */
export async function runAgent(
	host: FullHost,
	where: Where,
	wishes: Wishes,
	{ everyMs, reconcileMs, sweep, repairRules, metrics, ...shown }: Duties,
): Promise<number> {
	const dataDir = where.root + where.dataDir;
	const logOf = (event: string) => logger(host, "info", undefined, { event });
	const keep = keeper(host, where, wishes, logOf("install"));
	const contextOf = (event: string): Context => ({
		host,
		dataDir,
		log: logOf(event),
		event,
	});
	const reconciling = contextOf("reconcile");
	const dir = where.root + where.cacheDir;
	const reconcileAll = () =>
		attempt(reconciling, "cannot reconcile", async () => {
			await awaitQuiet(host, dataDir);
			const protocols = handled(keep());
			await reconcileAttachments(reconciling, { dir, protocols });
		});
	const { address, textfile } = metrics;
	const isPublic = address !== undefined || textfile !== undefined;
	const p = isPublic
		? publisher(
				host,
				{ dataDir, version, collects: true, ...metrics },
				logOf("metrics"),
			)
		: undefined;
	const duties: Duty[] = [{ everyMs, run: () => void keep() }];
	// before the duties that take their time: a kubelet asks as soon as the agent runs
	if (p) duties.push({ everyMs: PUBLISH_MS, run: () => p.run(keep()) });
	duties.push(
		{
			everyMs: reconcileMs || Number.POSITIVE_INFINITY,
			run: reconcileAll,
		},
		{ everyMs: FINISH_MS, run: finisher(reconciling, reconcileAll) },
	);
	if (repairRules !== undefined) {
		const repairing = contextOf("repair");
		const repair = repairer(repairing, repairRules, {
			dir,
			protocols: [IPPROTO_UDP],
		});
		duties.push({
			everyMs: POLL_MS,
			run: () =>
				attempt(repairing, "cannot repair", async () => {
					await awaitQuiet(host, dataDir);
					const report = await repair();
					if (report) logRepair(repairing, report);
				}),
		});
	}
	if (sweep)
		duties.push({ everyMs: SWEEP_MS, run: sweeper(contextOf("sweep")) });
	// the metrics name no pod, so their address may be one that everybody reaches
	if (p && address !== undefined && (shown.page || isLoopback(address))) {
		const { painter } = await import("../page/painter.ts");
		const paint = painter(host, p, {
			version,
			where,
			runtime: wishes.runtime,
			protocols: () => handled(keep()),
			showClients: shown.showClients,
			everyMs: COUNT_MS,
			countsRemovals: true,
			awaitTurn: () => awaitQuiet(host, dataDir),
		});
		// what others wait for comes first
		duties.push({
			everyMs: PUBLISH_MS,
			run: () => attempt(contextOf("page"), "cannot make the page", paint),
		});
	}
	await repeat(host, duties);
	p?.close();
	return 0;
}

function isLoopback(address: string): boolean {
	return /^(127\.|::1$)/.test(parseEndpoint(address)?.ip ?? "");
}

/** Returns the protocols that the plugin on this node handles. */
function handled({ protocols }: State): Proto[] {
	return protocols
		.map((name) => protocolOf(String(name)))
		.filter((proto) => proto !== undefined);
}

function sweeper(context: Context): () => Promise<void> {
	const memory: Memory = new Map();
	const rule = { ...SWEEP, scope: mapped(context.dataDir) };
	return () =>
		attempt(context, "cannot sweep", async () => {
			await awaitQuiet(context.host, context.dataDir);
			const { swept, outcome } = await sweepOnce(context.host, memory, rule);
			const { done, expired, failed } = outcome;
			if (swept.length > 0)
				context.log("info", "swept", {
					deleted: done,
					gone: expired,
					refused: total(failed.values()),
				});
		});
}

/**
 * Reconciles if a verb has left something, but not at once: the chain that has called the
 * verb is not through, and a DEL's rules may still be there.
 */
function finisher(
	{ host, dataDir }: Context,
	reconcileAll: () => Promise<void>,
): () => Promise<void> {
	let seen: number | undefined;
	return async () => {
		if (leftBehind(host, dataDir).length === 0) seen = undefined;
		else if (seen === undefined) seen = host.ticks();
		else if (host.ticks() >= seen) {
			seen = host.ticks() + AGAIN_MS;
			await reconcileAll();
		}
	};
}

/** Logs what `f` throws: it may work the next time, and the other duties go on. */
async function attempt(
	{ log }: Context,
	what: string,
	f: () => Promise<unknown>,
): Promise<void> {
	try {
		await f();
	} catch (e) {
		log("warn", what, { error: wordsOf(e) });
	}
}
