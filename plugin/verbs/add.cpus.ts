// ADD with "oneCPUPerFlow": has the kernel handle each flow of the pod on one CPU. What
// fails is a line of the log, never a failed pod.

import type { Host } from "../../src/host.ts";
import { isObject } from "../../src/objects.ts";
import { maskOfCPUs, steeringOf } from "../../src/steering/steering.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/request.ts";

/**
 * Steers the veths of prevResult on the node's side, if nobody else does. The setting goes
 * with the interface, so no other verb has to do anything about it.
 */
export async function steerFlows(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const { interfaces } = conf.prevResult as { readonly interfaces?: unknown };
	if (!Array.isArray(interfaces)) return;
	for (const link of interfaces) {
		if (!isObject(link) || link.sandbox) continue;
		const name = String(link.name);
		let mask = "";
		let error: unknown;
		try {
			const { driver, files, isUnset } = steeringOf(host, name);
			if (driver !== "veth" || !isUnset) continue;
			mask = maskOfCPUs(host);
			for (const file of files) host.appendFile(file, mask, 0);
		} catch (e) {
			error = e;
		}
		if (error !== undefined || conf.logLevel === "debug") {
			const { logSteering } = await import("./add.cpus.log.ts");
			logSteering(host, args, conf, name, mask, error);
		}
	}
}
