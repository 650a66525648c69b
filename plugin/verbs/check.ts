// CHECK: says whether entries keep traffic from the attachment. It changes nothing.

import type { Host } from "../../src/host.ts";
import { type PluginConf, requirePrevResult } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/request.ts";

export async function cmdCheck(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	requirePrevResult(conf);
	if (conf.on !== "del" && conf.portMappings.length > 0) {
		const { check } = await import("./check.work.ts");
		await check(host, args, conf);
	}
	return "";
}
