// DEL of an entry that acts on ADD alone: the record that its ADD made goes with
// the attachment, or nobody would ever take it away.

import { attempt } from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import * as attachments from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/protocol.ts";
import { siteOf } from "./attachment.ts";

/**
 * Drops the attachment's record, and those that were there before it with its
 * address: whose they were is gone, or the address would not have been given
 * again. The DEL of an `on: del` entry comes after us; without our record it
 * takes all that have this address for successors. Never throws.
 */
export function forget(host: Host, args: CmdArgs, conf: PluginConf): void {
	const { containerID, ifname } = args;
	const { name: network, dataDir } = conf;
	const site = siteOf("DEL", host, args, conf);
	attempt(site, "cannot forget the attachment", () => {
		const known = attachments.find(host, dataDir, {
			network,
			containerID,
			ifname,
		});
		if (known === undefined) return;
		const ips = attachments.addressesOf(known);
		for (const a of attachments.all(host, dataDir, ips))
			if (
				a.network === network &&
				a.added < known.added &&
				ips.some((ip) => attachments.isAssigned([a], ip))
			)
				attachments.drop(host, dataDir, a);
		attachments.drop(host, dataDir, known);
	});
}
