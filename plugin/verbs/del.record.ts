// DEL of a plugin item that acts on ADD alone: it deletes the record that its ADD
// wrote, because nobody else would.

import { attempt } from "../../src/context.ts";
import type { Host } from "../../src/host.ts";
import { addressesOf, isAssigned } from "../../src/policy/mapping.ts";
import {
	deleteRecord,
	findRecord,
	recordedAttachments,
} from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";

/**
 * Deletes the attachment's record, and older records with its address: their pods no
 * longer exist, or the address would not have been given again. The DEL of the plugin
 * item with "on": "del" comes after this one, and without our record it takes every
 * recorded attachment with this address for a successor. Never throws.
 */
export function deleteOwnRecord(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): void {
	const { containerID, ifname } = args;
	const { name: network, dataDir } = conf;
	const context = contextOf("DEL", host, args, conf);
	attempt(context, "cannot forget the attachment", () => {
		const id = { network, containerID, ifname };
		const own = findRecord(host, dataDir, id);
		if (own === undefined) return;
		const ips = addressesOf(own);
		for (const a of recordedAttachments(host, dataDir, ips))
			if (
				a.network === network &&
				a.added < own.added &&
				ips.some((ip) => isAssigned([a], ip))
			)
				deleteRecord(host, dataDir, a);
		deleteRecord(host, dataDir, own);
	});
}
