// The context of a CNI call, in the core's terms.

import type { Context } from "../../src/context.ts";
import type { Host } from "../../src/host.ts";
import { podNameIn } from "../../src/libcni/podname.ts";
import { logger } from "../../src/log.ts";
import type { PluginConf } from "./conf.ts";
import type { CmdArgs } from "./request.ts";

/** Every line of the log names the attachment that the call is about, if there is one. */
export function contextOf(
	event: string,
	host: Host,
	{ containerID, args }: CmdArgs,
	conf: PluginConf,
): Context {
	const { logFile, logFormat } = conf.members;
	const log = logger(
		host,
		conf.logLevel,
		logFile as string | undefined,
		{
			event,
			network: conf.name,
			container: containerID || undefined,
			pod: podNameIn(args),
		},
		logFormat === "json",
	);
	return { host, dataDir: conf.dataDir, log, event, begun: host.ticks() };
}
