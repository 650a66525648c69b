// The check of the table: entries that keep traffic from live attachments, or from
// containers whose ports other programs publish, are counted. None is removed.

import type { Context } from "../context.ts";
import { emptyReport, type Report, total } from "../flush/report.ts";
import type { Host } from "../host.ts";
import { IPPROTO_UDP } from "../net/proto.ts";
import { type Attachment, byPort } from "../policy/mapping.ts";
import { unmappedInWords } from "../policy/unmapped.words.ts";
import {
	firstLook,
	type Repair,
	repairByRules,
	repairKinds,
} from "../reconcile/byrules.ts";
import { RepairMemory } from "../reconcile/memory.ts";
import { type Beside, reconcile } from "../reconcile/reconcile.ts";
import { recorded } from "../reconcile/recorded.ts";
import type { Source } from "../reconcile/source.ts";
import { type CacheSource, takeSnapshot } from "../state/liveness.ts";
import { type Finding, fail, ok } from "./finding.ts";

const CHECK = "stale entries";

/**
 * Counts the stale entries as `reconcile` finds them. If a program publishes ports here, the
 * same pass shows what may contradict the rules on ports that no live attachment maps.
 * Where no port is mapped, as under Docker or CRI-O, the rules alone are asked.
 * Changes nothing. Throws what ends a flush.
 */
export async function checkStale(
	host: Host,
	dataDir: string,
	cacheDir: string,
	hasPublished: boolean,
): Promise<Finding[]> {
	const context = { host, dataDir, log: () => {}, event: "doctor" };
	const cache: CacheSource = { dir: cacheDir, protocols: [IPPROTO_UDP] };
	const snapshot = takeSnapshot(context, cache);
	const { live } = snapshot;
	const unmapped = unmappedInWords(live, dataDir, cacheDir);
	if (unmapped !== undefined)
		return [
			hasPublished
				? publishedInWords(await repairByRules(context, countByRules([])))
				: ok(CHECK, unmapped),
		];
	const mapped = live.filter((a) => a.mappings.length > 0);
	const repair = countByRules(mapped);
	const first = firstLook(repair);
	const ofPods = await countRecorded(
		context,
		recorded(context, cache, snapshot),
		mapped.length,
		hasPublished ? first.beside : undefined,
	);
	if (!hasPublished) return [ofPods];
	const ofOthers = publishedInWords(
		await repairKinds(context, repair, first.kinds, emptyReport()),
	);
	if (ofOthers.status === "ok") return [ofPods];
	return ofPods.status === "ok" ? [ofOthers] : [ofPods, ofOthers];
}

/** Counts the entries that contradict recorded or cached attachments. */
async function countRecorded(
	context: Context,
	source: Source,
	n: number,
	beside: Beside | undefined,
): Promise<Finding> {
	const report = await reconcile(context, [source], "count", undefined, beside);
	if (report.error !== undefined) throw report.error;
	const { reasons } = report;
	const whose = `${n} ${n === 1 ? "attachment" : "attachments"}`;
	if (reasons.size === 0) return ok(CHECK, `none, of ${whose}`);
	return fail(
		CHECK,
		`${total(reasons.values())} keep traffic from ${whose} (${inWords(reasons)})`,
		"see them with: conntrack-flush list --stale; remove them with: conntrack-flush flush --stale",
	);
}

/**
 * Returns the repair that counts the entries which contradict the rules. A port that a
 * live attachment maps is left out: if a leftover rule stands before the pod's own, the
 * healthy entries of the pod contradict the rules too.
 */
function countByRules(mapped: readonly Attachment[]): Repair {
	const mappingsOf = byPort(mapped.flatMap(({ mappings }) => mappings));
	return {
		scope: "engines",
		action: "count",
		memory: new RepairMemory(),
		spares: () => (e) => mappingsOf(e.proto, e.orig.dport).length > 0,
	};
}

/** Returns the finding on entries that contradict the rules. */
function publishedInWords(report: Report): Finding {
	if (report.error !== undefined) throw report.error;
	const { reasons } = report;
	if (reasons.size === 0)
		return ok(CHECK, "none, of the ports that rules publish");
	return fail(
		CHECK,
		`${total(reasons.values())} contradict the rules of ports that are published (${inWords(reasons)})`,
		"see them with: conntrack-flush list --stale; remove them with: conntrack-flush flush --stale --rules",
	);
}

function inWords(reasons: ReadonlyMap<string, number>): string {
	// sorted, because the order in which reasons were met means nothing
	return [...reasons]
		.sort()
		.map(([r, count]) => `${r}: ${count}`)
		.join(", ");
}
