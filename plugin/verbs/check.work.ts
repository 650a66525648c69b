// The work of CHECK for a pod that has port mappings.

import { countStale } from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import { CniError, IO_FAILURE, STALE_ENTRIES } from "../cni/errors.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf } from "./attachment.ts";

/** Throws CniError 100 if there are stale entries, and 5 if the table cannot be read. */
export async function check(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const context = contextOf("CHECK", host, args, conf);
	const a = await attachmentOf(context, args, conf, "strict");
	if (a.mappings.length === 0) return;
	const { error, reasons } = await countStale(context, a);
	if (error !== undefined)
		throw new CniError(IO_FAILURE, "cannot read conntrack", wordsOf(error));
	if (reasons.size > 0)
		throw new CniError(
			STALE_ENTRIES,
			"conntrack entries keep traffic from this attachment",
			[...reasons].map(([reason, n]) => `${reason}: ${n}`).join(", "),
		);
}
