// DEL: removes what leads to the pod that goes. Never fails once the request is
// read: a DEL that fails leaks the pod's address (containerd#12130). Most pods
// have no port mapping, so this file only finds out whether there is anything.

import type { Host } from "../../src/host.ts";
import { pathOf, readRecord } from "../../src/state/path.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/protocol.ts";

export async function cmdDel(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	if (conf.on === "add") {
		// an entry with on=del needs the record where the request does not say it all
		if (conf.prevResult && conf.portMappings.length > 0)
			(await import("./del.record.ts")).forget(host, args, conf);
	} else if (
		conf.portMappings.length > 0 ||
		conf.scope === "pod" ||
		isRecorded(host, args, conf)
	) {
		const { depart } = await import("./del.work.ts");
		await depart(host, args, conf);
	}
	return "";
}

/** Also if that cannot be told: then it is not simply absent. */
function isRecorded(
	host: Host,
	{ containerID, ifname }: CmdArgs,
	conf: PluginConf,
): boolean {
	const id = { network: conf.name, containerID, ifname };
	try {
		return readRecord(host, pathOf(conf.dataDir, id)) !== undefined;
	} catch {
		return true;
	}
}
