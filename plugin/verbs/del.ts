// DEL: removes the entries that lead to the pod. It never fails once the request is
// read, because a DEL that fails leaks the pod's address (containerd#12130). Most pods
// have no port mapping, so this file only decides whether there is work.

import type { Host } from "../../src/host.ts";
import { pathOf, readRecord } from "../../src/state/path.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/request.ts";

export async function cmdDel(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	if (conf.on === "add") {
		// without prevResult, the plugin item with "on": "del" comes later and needs the record
		if (conf.prevResult && conf.portMappings.length > 0) {
			const { deferRemoval } = await import("./del.record.ts");
			deferRemoval(host, args, conf);
		}
	} else if (
		conf.portMappings.length > 0 ||
		conf.scope === "pod" ||
		isRecorded(host, args, conf)
	) {
		const { del } = await import("./del.work.ts");
		await del(host, args, conf);
	}
	return "";
}

/** Returns true if the record exists, and also if reading it fails for a reason other than absence. */
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
