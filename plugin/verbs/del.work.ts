// What DEL does for a pod that has, or may have had, port mappings.

import { failureOf } from "../../src/flush/flush.ts";
import {
	attempt,
	leave,
	othersThan,
	type Site,
} from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import { protocolsOf } from "../../src/libcni/portmappings.ts";
import { once, wordsOf } from "../../src/log.ts";
import type { PodTraffic } from "../../src/policy/stale.ts";
import { note } from "../../src/state/departures.ts";
import type { Attachment, AttachmentID } from "../../src/state/store.ts";
import * as attachments from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/protocol.ts";
import { attachmentOf, siteOf } from "./attachment.ts";

/**
 * Removes what leads to the pod, and its record; if that fails the record stays,
 * for whoever comes next. Never throws; what fails is logged, and of the directory
 * of records only the first that does.
 */
export async function depart(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const { containerID, ifname } = args;
	const id = { network: conf.name, containerID, ifname };
	const site = siteOf("DEL", host, args, conf);
	const records = { ...site, log: once(site.log) };
	try {
		// a DEL that cannot read it works from the request
		const known = attempt(records, "cannot read the attachment", () =>
			attachments.find(host, conf.dataDir, id),
		);
		const left = await leaveTable(site, records, args, conf, known);
		if (left && !left.isFinished) keep(records, left.attachment);
		else if (known || left) forget(records, id);
		// once, however often DEL has to come for it
		if (left && !known?.gone) note(host, conf.dataDir, left.attachment);
	} catch (e) {
		site.log("error", "cannot finish DEL", { error: wordsOf(e) });
	}
}

/** As one that is gone; if not even that can be written, it must not count as one that is there. */
function keep(records: Site, left: Attachment): void {
	const { host, dataDir } = records;
	const kept = attempt(
		records,
		"cannot keep the attachment",
		() => attachments.record(host, dataDir, { ...left, gone: true }),
		"error",
	);
	if (kept === undefined) forget(records, left);
}

function forget(records: Site, id: AttachmentID): void {
	attempt(
		records,
		"cannot forget the attachment",
		() => attachments.drop(records.host, records.dataDir, id),
		"error",
	);
}

/** What was looked after, and whether all of it is done. */
interface Left {
	readonly attachment: Attachment;
	readonly isFinished: boolean;
}

/** Returns nothing if there was nothing to look after. */
async function leaveTable(
	site: Site,
	records: Site,
	args: CmdArgs,
	conf: PluginConf,
	known: Attachment | undefined,
): Promise<Left | undefined> {
	const asked = attachmentOf(site, args, conf, "lenient");
	const handled = protocolsOf(conf.protocols);
	const isHandled = (t: PodTraffic): boolean => handled.includes(t.proto);
	const mappings = union(asked.mappings, known?.mappings.filter(isHandled));
	const pods = union(asked.pods, known?.pods.filter(isHandled));
	if (mappings.length + pods.length === 0) return undefined;
	const ips = attachments.addressesOf({ mappings, pods });
	const added = known?.added ?? 0;
	// a clock that shows less than the record has begun anew: with a boot
	const since = added > site.host.ticks() ? 0 : added;
	// what came after this attachment may have its address by now
	const live = (): Attachment[] =>
		othersThan(records, asked, ips).filter((a) => a.added > since);
	const { on, retireSeconds } = conf;
	// before portmap's DEL a busy sender would re-create what we delete
	const action =
		on === "both" && retireSeconds > 0 ? { retireSeconds } : "delete";
	const report = await leave(site, { mappings, pods }, live, action);
	return {
		// where there was no record, all others may have come after it
		attachment: { ...asked, added, mappings, pods },
		isFinished: failureOf(report) === undefined,
	};
}

function union<T extends object>(a: readonly T[], b: readonly T[] = []): T[] {
	const all = new Map(
		[...a, ...b].map((t) => [JSON.stringify(Object.entries(t).sort()), t]),
	);
	return [...all.values()];
}
