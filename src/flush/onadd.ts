// ADD: the attachment is recorded, and the entries that keep its traffic from it are
// removed. CHECK counts the same entries.

import { attempt, type Context } from "../context.ts";
import { once } from "../log.ts";
import type { Attachment } from "../policy/mapping.ts";
import { FEW } from "../policy/portrow.ts";
import { writeRecord } from "../state/store.ts";
import { perform } from "./perform.ts";
import { logReport, type Report } from "./report.ts";

/** Write permission of group and others: whoever can write or delete a record decides whose entries are alive. */
const WRITE_BY_OTHERS = 0o022;

/** Records the attachment and removes the entries that keep its traffic from it. Never throws. */
export async function onAdd(context: Context, a: Attachment): Promise<void> {
	const { host, dataDir } = context;
	// a directory that refuses one call refuses them all: one line is enough
	const records = { ...context, log: once(context.log) };
	let recorded = a;
	if (a.mappings.length > FEW) {
		const { recordable } = await import("../state/recordable.ts");
		recorded = recordable(records.log, a);
	}
	const mode = attempt(records, "cannot record the attachment", () =>
		writeRecord(host, dataDir, recorded),
	);
	if (mode !== undefined && (mode & WRITE_BY_OTHERS) !== 0)
		records.log("warn", "others can write to the directory of records", {
			dir: dataDir,
			mode: mode.toString(8),
		});
	if (a.mappings.length === 0) return;
	const ask = { verb: "ADD", attachment: a, action: "delete" } as const;
	const report = await perform({ ...context, trouble: records.log }, ask);
	logReport(context, report);
	if (mode !== undefined && report.error !== undefined) {
		const { handOver } = await import("./handover.ts");
		handOver(context, a, report);
	}
}

/** Counts the entries that keep traffic from the attachment. Changes nothing, never throws. */
export function countStale(context: Context, a: Attachment): Promise<Report> {
	return perform(context, { verb: "ADD", attachment: a, action: "count" });
}
