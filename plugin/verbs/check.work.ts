// The work of CHECK for a pod that has port mappings. By default it succeeds whatever it
// finds: CRI-O calls CHECK right after every ADD, and does not start a pod whose CHECK
// fails.

import { countStale } from "../../src/flush/onadd.ts";
import { logReport, type Report } from "../../src/flush/report.ts";
import type { Host } from "../../src/host.ts";
import { isUsedUp, type Log, wordsOf } from "../../src/log.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import { CniError, IO_FAILURE, STALE_ENTRIES } from "../cni/errors.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf } from "./attachment.ts";

/**
 * Logs what is wrong, and hands it to an agent. With strictCheck it throws instead:
 * CniError 100 if there are stale entries, and 5 if the table cannot be read.
 */
export async function check(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const context = contextOf("CHECK", host, args, conf);
	const isStrict = conf.members.strictCheck === true;
	let report: Report;
	try {
		const a = await attachmentOf(context, args, conf, "strict");
		if (a.mappings.length === 0) return;
		report = await countStale(context, a);
	} catch (e) {
		if (isStrict || !isUsedUp(e)) throw e;
		context.log("warn", "too many ports for a CHECK", { error: wordsOf(e) });
		return;
	}
	const { error, reasons } = report;
	const isUnread = error !== undefined;
	if (!isUnread && reasons.size === 0) return;
	const what = isUnread
		? "cannot read conntrack"
		: "conntrack entries keep traffic from this attachment";
	if (!isStrict) {
		const log: Log = (_, __, counts) => context.log("warn", what, counts);
		logReport({ ...context, log }, report);
		return;
	}
	if (isUnread) throw new CniError(IO_FAILURE, what, wordsOf(error));
	throw new CniError(
		STALE_ENTRIES,
		what,
		[...reasons].map(([reason, n]) => `${reason}: ${n}`).join(", "),
	);
}
