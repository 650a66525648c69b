// The check of the table: entries that keep traffic from live attachments at this
// moment are counted. None is removed.

import { total } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { reconcile } from "../reconcile/reconcile.ts";
import { recorded } from "../reconcile/recorded.ts";
import { type CacheSource, liveAttachments } from "../state/liveness.ts";
import { type Finding, fail, ok } from "./finding.ts";

const CHECK = "stale entries";

/** Counts the stale entries as `reconcile` finds them, in one pass. Changes nothing. Throws what ends a flush. */
export async function checkStale(
	host: Host,
	dataDir: string,
	cacheDir: string,
): Promise<Finding> {
	const context = { host, dataDir, log: () => {}, event: "doctor" };
	const cache: CacheSource = { dir: cacheDir, protocols: [IPPROTO_UDP] };
	const mapped = liveAttachments(context, cache).filter(
		(a) => a.mappings.length > 0,
	);
	if (mapped.length === 0)
		return ok(
			CHECK,
			`no attachment is recorded in ${dataDir} or cached in ${cacheDir}`,
		);
	const report = await reconcile(context, [recorded(context, cache)], "count");
	if (report.error !== undefined) throw report.error;
	const { reasons } = report;
	const n = mapped.length;
	const whose = `${n} ${n === 1 ? "attachment" : "attachments"}`;
	if (reasons.size === 0) return ok(CHECK, `none, of ${whose}`);
	const why = [...reasons].map(([r, count]) => `${r}: ${count}`).join(", ");
	return fail(
		CHECK,
		`${total(reasons.values())} keep traffic from ${whose} (${why})`,
		"see them with: conntrack-flush list --stale; remove them with: conntrack-flush flush --stale",
	);
}
