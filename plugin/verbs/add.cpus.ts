// ADD with "oneCPUPerFlow" where the log has something to tell. That costs more than what
// it tells of, so it is loaded only then.

import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import { isObject } from "../../src/objects.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";

/**
 * Steers the veths of prevResult on the node's side, if nobody else does, and logs what was
 * written and what failed. Steering twice does no harm, so it may begin anew after a failure.
 * The setting goes with the interface, so no other verb has to do anything about it.
 */
export function steerFlows(host: Host, args: CmdArgs, conf: PluginConf): void {
	const { interfaces } = conf.prevResult as { readonly interfaces?: unknown };
	const { log } = contextOf("ADD", host, args, conf);
	for (const link of Array.isArray(interfaces) ? interfaces : []) {
		if (!isObject(link) || link.sandbox) continue;
		const about = { interface: String(link.name) };
		try {
			const { isWritten, cpus } = host
				.full()
				.steering(about.interface, false, false);
			if (isWritten)
				log("debug", "one CPU for each flow", { ...about, rps_cpus: cpus });
		} catch (e) {
			const error = wordsOf(e);
			log("warn", "cannot have one CPU for each flow", { ...about, error });
		}
	}
}
