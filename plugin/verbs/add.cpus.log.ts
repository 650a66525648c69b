// The log of ADD with "oneCPUPerFlow". It costs more than what it tells of, so it is
// loaded only where there is something to tell.

import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";

/** Logs that the mask was written to the interface, or the error that kept it from being written. */
export function logSteering(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
	name: string,
	rps_cpus: string,
	error: unknown,
): void {
	const { log } = contextOf("ADD", host, args, conf);
	if (error === undefined)
		log("debug", "one CPU for each flow", { interface: name, rps_cpus });
	else
		log("warn", "cannot have one CPU for each flow", {
			interface: name,
			error: wordsOf(error),
		});
}
