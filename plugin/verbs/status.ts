// STATUS: finds out whether the plugin could do its work now. It succeeds also if not,
// because ADD does, and a runtime takes an error for a node that can start no pod
// (NetworkReady=false). It is called every few seconds, so this file only decides whether
// there is anything to say.

import { probe } from "../../src/conntrack/table.ts";
import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import { readUnusable } from "../../src/state/unusable.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/request.ts";

export async function cmdStatus(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	const error = await probe(host).then(() => undefined, wordsOf);
	const known = readUnusable(host, conf.dataDir);
	if (error !== undefined || known !== undefined) {
		const { tell } = await import("./status.work.ts");
		tell(host, args, conf, error, known);
	}
	return "";
}
