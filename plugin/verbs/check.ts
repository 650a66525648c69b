// CHECK: says whether traffic is being kept from the attachment; changes nothing.

import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import { type PluginConf, requirePrevResult } from "../cni/conf.ts";
import { CniError, IO_FAILURE, STALE_ENTRIES } from "../cni/error.ts";
import type { CmdArgs } from "../cni/protocol.ts";

export async function cmdCheck(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	await requirePrevResult(conf);
	if (conf.on === "del" || conf.portMappings.length === 0) return "";
	const { attachmentOf, siteOf } = await import("./attachment.ts");
	const site = siteOf("CHECK", host, args, conf);
	const a = attachmentOf(site, args, conf, "strict");
	if (a.mappings.length === 0) return "";
	const { inspect } = await import("../../src/flush/onadd.ts");
	const report = await inspect(site, a);
	if (report.error !== undefined)
		throw new CniError(
			IO_FAILURE,
			"cannot read conntrack",
			wordsOf(report.error),
		);
	if (report.reasons.size > 0)
		throw new CniError(
			STALE_ENTRIES,
			"conntrack entries keep traffic from this attachment",
			[...report.reasons].map(([reason, n]) => `${reason}: ${n}`).join(", "),
		);
	return "";
}
