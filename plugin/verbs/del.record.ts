// DEL of a plugin item that acts on ADD alone. The item with "on": "del" comes after it
// and removes the entries, so this one only marks the record that its ADD wrote.

import { attempt } from "../../src/context.ts";
import type { Host } from "../../src/host.ts";
import {
	type Attachment,
	addressesOf,
	isAssigned,
	isDeferred,
} from "../../src/policy/mapping.ts";
import {
	deleteRecord,
	everyRecord,
	findRecord,
	writeRecord,
} from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";

/**
 * Marks the attachment's record as unfinished. The record says when the attachment was
 * added, and without that the next plugin item would take every recorded attachment
 * with its address for a successor. Deletes older records with its address: their pods
 * no longer exist, or the address would not have been given again. Deletes marked
 * records of this network that no plugin item came for, because a chain may have
 * "on": "add" alone. Never throws.
 */
export function deferRemoval(
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
		const now = host.ticks();
		// a DEL that comes again gives the next plugin item its time anew
		if (!own.unfinished || own.deferredAt !== undefined)
			mark(host, dataDir, { ...own, deferredAt: now });
		const ips = addressesOf(own);
		for (const a of everyRecord(host, dataDir, [...ips, '"deferredAt"'])) {
			if (a.network !== network) continue;
			const isOver = a.unfinished
				? a.deferredAt !== undefined && !isDeferred(a, now)
				: a.added < own.added && ips.some((ip) => isAssigned([a], ip));
			if (isOver) deleteRecord(host, dataDir, a);
		}
	});
}

/** Deletes the record if it cannot be marked, because it must not make the pod look alive. */
function mark(host: Host, dataDir: string, a: Attachment): void {
	try {
		writeRecord(host, dataDir, { ...a, unfinished: true });
	} catch {
		deleteRecord(host, dataDir, a);
	}
}
