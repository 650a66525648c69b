// ADD: passes the previous result on as it came, records the attachment, and removes
// the entries that would keep traffic from it. It never fails because of conntrack.
// Most pods have no port mapping, so this file only decides whether there is work.

import type { Host } from "../../src/host.ts";
import { type PluginConf, requirePrevResult } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/request.ts";

export async function cmdAdd(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	requirePrevResult(conf);
	// "scope": "pod" is recorded also where only DEL acts: see isAssigned in src/policy/mapping.ts
	if (
		(conf.on !== "del" && conf.portMappings.length > 0) ||
		conf.scope === "pod"
	) {
		const { add } = await import("./add.work.ts");
		await add(host, args, conf);
	}
	if (conf.oneCPUPerFlow && conf.on !== "del" && !isSteered(host, conf)) {
		const { steerFlows } = await import("./add.cpus.ts");
		steerFlows(host, args, conf);
	}
	// prevResult as it came
	const { prevResult = {}, text } = conf;
	try {
		const result = JSON.stringify(prevResult);
		// runtimes write compact JSON, so this is most often the very text of the member
		if ("cniVersion" in prevResult && text.includes(`"prevResult":${result}`))
			return result;
	} catch {
		// nested deeper than the stack, which the other way does not use
	}
	const { resultText } = await import("./add.result.ts");
	return resultText(conf);
}

/**
 * Has the kernel handle each flow of the pod on one CPU, by the veths of prevResult on the
 * node's side. Returns false if something is wrong, or if the log is to tell of it.
 */
function isSteered(host: Host, { logLevel, prevResult }: PluginConf): boolean {
	if (logLevel === "debug") return false;
	try {
		// who names no interfaces in this way gets a TypeError
		const { interfaces = [] } = prevResult as {
			interfaces?: { name: string; sandbox?: string }[];
		};
		for (const { name, sandbox } of interfaces) if (!sandbox) host.steer(name);
		return true;
	} catch {
		return false;
	}
}
