// `install --watch`: what a DaemonSet runs. Its duties, one after another, until
// SIGTERM; then everything stays as it is.

import { version } from "../../package.json";
import type { Context } from "../context.ts";
import { total } from "../flush/report.ts";
import type { FullHost } from "../host.ts";
import type { Where } from "../install/paths.ts";
import type { Wishes } from "../install/plan.ts";
import { keeper, type State } from "../install/watch.ts";
import { logger } from "../log.ts";
import { type Options, publisher } from "../metrics/publish.ts";
import { type Proto, protocolOf } from "../net/proto.ts";
import { reconcileAttachments } from "../reconcile/reconcile.ts";
import { mapped } from "../sweep/scope.ts";
import { type Memory, sweepOnce } from "../sweep/sweep.ts";
import { type Duty, repeat } from "./loop.ts";

export interface Duties {
	readonly everyMs: number;
	/** 0: once, for the pods that were there before. */
	readonly reconcileMs: number;
	readonly sweep: boolean;
	/** Where to serve metrics, and the file to write them to. */
	readonly metrics: Pick<Options, "address" | "textfile">;
}

/** As conntrack-cleaner has them. */
const SWEEP = { threshold: 3, cap: 1000, dryRun: false };
const SWEEP_MS = 1000;
const PUBLISH_MS = 5000;

export async function runAgent(
	host: FullHost,
	where: Where,
	wishes: Wishes,
	{ everyMs, reconcileMs, sweep, metrics }: Duties,
): Promise<number> {
	const dataDir = where.root + where.dataDir;
	const logOf = (event: string) => logger(host, "info", undefined, { event });
	const keep = keeper(host, where, wishes, logOf("install"));
	const siteOf = (event: string): Context => ({
		host,
		dataDir,
		log: logOf(event),
		event,
	});
	const site = siteOf("reconcile");
	const dir = where.root + where.cacheDir;
	const duties: Duty[] = [
		{ everyMs, run: () => void keep() },
		{
			everyMs: reconcileMs || Number.POSITIVE_INFINITY,
			run: () =>
				attempt(site, "cannot reconcile", () =>
					reconcileAttachments(site, { dir, protocols: handled(keep()) }),
				),
		},
	];
	if (sweep)
		duties.push({
			everyMs: SWEEP_MS,
			run: sweeper(siteOf("sweep")),
		});
	const { address, textfile } = metrics;
	if (address === undefined && textfile === undefined) {
		await repeat(host, duties);
		return 0;
	}
	const p = publisher(host, { dataDir, version, ...metrics }, logOf("metrics"));
	duties.push({ everyMs: PUBLISH_MS, run: () => p.run(keep()) });
	await repeat(host, duties);
	p.close();
	return 0;
}

function handled({ protocols }: State): Proto[] {
	return protocols
		.map((name) => protocolOf(String(name)))
		.filter((proto) => proto !== undefined);
}

function sweeper(site: Context): () => Promise<void> {
	const memory: Memory = new Map();
	const rule = { ...SWEEP, scope: mapped(site.dataDir) };
	return () =>
		attempt(site, "cannot sweep", async () => {
			const { swept, outcome } = await sweepOnce(site.host, memory, rule);
			const { done, expired: gone, failed } = outcome;
			if (swept.length > 0)
				site.log("info", "swept", {
					deleted: done,
					gone,
					refused: total(failed.values()),
				});
		});
}

/** What fails now may work the next time; the other duties go on. */
async function attempt(
	{ log }: Context,
	what: string,
	f: () => Promise<unknown>,
): Promise<void> {
	try {
		await f();
	} catch (e) {
		log("warn", what, { error: String(e) });
	}
}
