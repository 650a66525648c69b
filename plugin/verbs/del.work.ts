// The work of DEL for a pod that has, or may have had, port mappings.

import { attempt, type Context } from "../../src/context.ts";
import { onDel } from "../../src/flush/ondel.ts";
import { failureOf } from "../../src/flush/report.ts";
import type { Host } from "../../src/host.ts";
import { once, wordsOf } from "../../src/log.ts";
import {
	type Attachment,
	type AttachmentID,
	addressesOf,
	type PodTarget,
} from "../../src/policy/mapping.ts";
import { noteDeparture } from "../../src/state/departures.ts";
import { othersThan } from "../../src/state/others.ts";
import {
	deleteRecord,
	findRecord,
	findRenamed,
	writeRecord,
} from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf, protocolsOf } from "./attachment.ts";

/**
 * Removes the entries that lead to the pod, and then its record. If entries could not
 * be removed the record stays, for the next pass that can. Never throws: failures are
 * logged, and of those that concern the directory of records only the first.
 */
export async function del(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const { containerID, ifname } = args;
	const id = { network: conf.name, containerID, ifname };
	const context = contextOf("DEL", host, args, conf);
	const records = { ...context, log: once(context.log) };
	try {
		// if the record cannot be read, the request has to do
		const recorded = attempt(
			records,
			"cannot read the attachment",
			() =>
				findRecord(host, conf.dataDir, id) ??
				findRenamed(host, conf.dataDir, id),
		);
		const result = await removeEntries(context, records, args, conf, recorded);
		if (result && !result.isFinished)
			keepUnfinished(records, result.attachment);
		else if (recorded || result) dropRecord(records, recorded ?? id);
		// a DEL that comes again does not note the departure again
		const isNoted = recorded?.unfinished && recorded.deferredAt === undefined;
		if (result && !isNoted)
			noteDeparture(host, conf.dataDir, result.attachment);
	} catch (e) {
		context.log("error", "cannot finish DEL", { error: wordsOf(e) });
	}
}

/** Rewrites the record as unfinished. If that fails too, the record is deleted, because it must not make the pod look alive. */
function keepUnfinished(records: Context, a: Attachment): void {
	const { host, dataDir } = records;
	const kept = attempt(
		records,
		"cannot keep the attachment",
		() => writeRecord(host, dataDir, { ...a, unfinished: true }),
		"error",
	);
	if (kept === undefined) dropRecord(records, a);
}

function dropRecord(records: Context, id: AttachmentID): void {
	attempt(
		records,
		"cannot forget the attachment",
		() => deleteRecord(records.host, records.dataDir, id),
		"error",
	);
}

/** The attachment whose entries were to be removed, and whether every one of them was. */
interface Result {
	readonly attachment: Attachment;
	readonly isFinished: boolean;
}

/** Returns undefined if the attachment has no port mapping of a handled protocol. */
async function removeEntries(
	context: Context,
	records: Context,
	args: CmdArgs,
	conf: PluginConf,
	recorded: Attachment | undefined,
): Promise<Result | undefined> {
	const asked = await attachmentOf(context, args, conf, "lenient");
	const handled = protocolsOf(conf.protocols);
	const isHandled = (t: PodTarget): boolean => handled.includes(t.proto);
	const mappings = union(asked.mappings, recorded?.mappings.filter(isHandled));
	const podTargets = union(
		asked.podTargets,
		recorded?.podTargets.filter(isHandled),
	);
	if (mappings.length + podTargets.length === 0) return undefined;
	const ips = addressesOf({ mappings, podTargets });
	const added = recorded?.added ?? 0;
	// a clock that shows less than the record started again with a boot
	const since = added > context.host.ticks() ? 0 : added;
	// an attachment that came after this one may have its address by now
	const live = (): Attachment[] =>
		othersThan(records, asked, ips).filter((a) => a.added > since);
	const { on, retireSeconds } = conf;
	// before portmap's DEL, a busy sender would make the deleted entry again
	const action =
		on === "both" && retireSeconds > 0 ? { retireSeconds } : "delete";
	const report = await onDel(context, { mappings, podTargets }, live, action);
	return {
		// without a record, `added` is 0: every other attachment may have come later
		attachment: {
			...asked,
			// its record may have the network's former name
			network: recorded?.network ?? asked.network,
			added,
			mappings,
			podTargets,
		},
		isFinished: failureOf(report) === undefined,
	};
}

function union<T extends object>(a: readonly T[], b: readonly T[] = []): T[] {
	const all = new Map(
		[...a, ...b].map((t) => [JSON.stringify(Object.entries(t).sort()), t]),
	);
	return [...all.values()];
}
