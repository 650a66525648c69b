// One pass of `reconcile`, and what a loop remembers between two: the sources are made,
// the table is compared with them, and then with the rules.

import type { Context } from "../context.ts";
import { joinReports } from "../flush/report.join.ts";
import type { Report } from "../flush/report.ts";
import type { Action } from "../flush/search.ts";
import type { RuleScope } from "../policy/published.ts";
import { repairByRules } from "../reconcile/byrules.ts";
import { believe, NOTHING_YET } from "../reconcile/loss.ts";
import { RepairMemory } from "../reconcile/memory.ts";
import { type OnStale, reconcile } from "../reconcile/reconcile.ts";
import { dropAbsent, leadingToLive, recorded } from "../reconcile/recorded.ts";
import {
	addVanished,
	type Claim,
	makeClaimSource,
	NO_HISTORY,
	remember,
} from "../reconcile/services.ts";
import type { Source } from "../reconcile/source.ts";
import { leftBehind, takeUp } from "../state/left.ts";
import type { CacheSource } from "../state/liveness.ts";
import { awaitQuiet } from "../state/queue.ts";

/** What a pass is made of. */
export interface Job {
	/** Reads the claims of the document. Returns undefined if it is no source. */
	read(): Promise<Claim[] | undefined>;
	readonly cache: CacheSource;
	/** libcni's cache; undefined if attachments are no source. */
	readonly attachments: CacheSource | undefined;
	/** Whose rules are a source; undefined if none are. */
	readonly rules: RuleScope | undefined;
	readonly action: Action;
	readonly found: OnStale | undefined;
}

/** Returns a function that runs one pass. It throws if the desired state cannot be read; then nothing is done, and the history stays. */
export function passes(context: Context, job: Job): () => Promise<Report> {
	let believed = NOTHING_YET;
	let history = NO_HISTORY;
	const repairs = new RepairMemory();
	return async () => {
		const document = await job.read();
		if (document) {
			believed = believe(believed, document);
			if (believed.lack)
				context.log("warn", "much vanished at once", believed.lack);
		}
		const now = document && believed.claims;
		const { host, dataDir } = context;
		await awaitQuiet(host, dataDir);
		const isComplete = job.attachments && job.action !== "count";
		const left = isComplete ? leftBehind(host, dataDir) : [];
		const sources: Source[] = [];
		if (job.attachments) {
			const seen =
				job.action === "count"
					? undefined
					: await dropAbsent(context, job.attachments);
			sources.push(recorded(context, job.attachments, seen));
		}
		if (now) sources.push(makeClaimSource(addVanished(history, now)));
		const report = await reconcile(context, sources, job.action, job.found);
		if (report.error === undefined) takeUp(host, dataDir, left);
		if (now) history = remember(history, now, report.error === undefined);
		const { rules, action, found } = job;
		return rules === undefined || report.error !== undefined
			? report
			: joinReports(
					report,
					await repairByRules(context, {
						scope: rules,
						action,
						memory: repairs,
						spares: () => leadingToLive(context, job.cache),
						found,
					}),
				);
	};
}
