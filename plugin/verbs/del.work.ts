// The work of DEL for a pod that has, or may have had, port mappings.

import { attempt, type Context } from "../../src/context.ts";
import { perform } from "../../src/flush/perform.ts";
import { failureOf, logReport, type Report } from "../../src/flush/report.ts";
import type { Host } from "../../src/host.ts";
import { isUsedUp, once, wordsOf } from "../../src/log.ts";
import type {
	Attachment,
	AttachmentID,
	PodTarget,
} from "../../src/policy/mapping.ts";
import { FEW, inRows } from "../../src/policy/portrow.ts";
import { noteDeparture } from "../../src/state/departures.ts";
import { pathOf, readRecord } from "../../src/state/path.ts";
import {
	deleteRecord,
	findRenamed,
	recordAt,
	writeRecord,
} from "../../src/state/store.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf, protocolsOf, wholePod } from "./attachment.ts";

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
		const recorded = await findOwn(context, records, id, conf);
		const result = await removeAll(context, records, args, conf, recorded);
		if (result && failureOf(result.report) !== undefined)
			await keepUnfinished(records, result);
		else if (recorded || result) dropRecord(records, recorded ?? id);
		// a DEL that comes again does not note the departure again
		const isNoted = recorded?.unfinished && recorded.deferredAt === undefined;
		if (result && !isNoted)
			noteDeparture(host, conf.dataDir, result.attachment);
	} catch (e) {
		context.log("error", "cannot finish DEL", { error: wordsOf(e) });
	}
}

/** Returns the recorded attachment, or what stands for a record that cannot be read. If nothing does, the request has to do. */
async function findOwn(
	context: Context,
	records: Context,
	id: AttachmentID,
	conf: PluginConf,
): Promise<Attachment | undefined> {
	const { host, dataDir } = records;
	let text: string | undefined;
	const recorded = attempt(records, "cannot read the attachment", () => {
		const path = pathOf(dataDir, id);
		text = readRecord(host, path);
		return text === undefined
			? findRenamed(host, dataDir, id)
			: recordAt(dataDir, path, text);
	});
	if (recorded || text === undefined) return recorded;
	const { standIn } = await import("./del.foreign.ts");
	return standIn(context, id, conf, text);
}

/** Rewrites the record as unfinished. If that fails too, the record is deleted, because it must not make the pod look alive. */
async function keepUnfinished(
	records: Context,
	{ attachment: a, report }: Result,
): Promise<void> {
	const { host, dataDir } = records;
	let kept = a;
	if (a.mappings.length > FEW) {
		const { recordable } = await import("../../src/state/recordable.ts");
		kept = recordable(records.log, a);
	}
	const mode = attempt(
		records,
		"cannot keep the attachment",
		() => writeRecord(host, dataDir, { ...kept, unfinished: true }),
		"error",
	);
	if (mode === undefined) dropRecord(records, a);
	else if (report.error !== undefined) {
		const { handOver } = await import("../../src/flush/handover.ts");
		handOver(records, a, report);
	}
}

function dropRecord(records: Context, id: AttachmentID): void {
	attempt(
		records,
		"cannot forget the attachment",
		() => deleteRecord(records.host, records.dataDir, id),
		"error",
	);
}

/** The attachment whose entries were to be removed, and what became of them. */
interface Result {
	readonly attachment: Attachment;
	readonly report: Report;
}

/** Removes the entries. If the ports are too many for the memory, it is all that leads to the pod. */
async function removeAll(
	...[context, records, args, conf, recorded]: Parameters<typeof removeEntries>
): Promise<Result | undefined> {
	try {
		return await removeEntries(context, records, args, conf, recorded);
	} catch (e) {
		if (!isUsedUp(e)) throw e;
		context.log("warn", "too many ports, so it is about the whole pod", {
			error: wordsOf(e),
		});
		const whole = recorded && { ...recorded, mappings: [] };
		return removeEntries(context, records, args, wholePod(conf), whole);
	}
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
	const before = recorded?.mappings.filter(isHandled) ?? [];
	const mappings =
		Math.max(before.length, asked.mappings.length) > FEW
			? inRows([...asked.mappings, ...before])
			: union(asked.mappings, before);
	const podTargets = union(
		asked.podTargets,
		recorded?.podTargets.filter(isHandled),
	);
	if (mappings.length + podTargets.length === 0) return undefined;
	const added = recorded?.added ?? 0;
	const attachment: Attachment = {
		...asked,
		// its record may have the network's former name
		network: recorded?.network ?? asked.network,
		// Without a record every other attachment may have come later. A clock that shows
		// less than the record started again with a boot.
		added: added > context.host.ticks() ? 0 : added,
		mappings,
		podTargets,
	};
	const { on, retireSeconds } = conf;
	// before portmap's DEL, a busy sender would make the deleted entry again
	const action =
		on === "both" && retireSeconds > 0 ? { retireSeconds } : "delete";
	const report = await perform(
		{ ...context, trouble: records.log },
		{ verb: "DEL", attachment, action },
	);
	logReport(context, report);
	return { attachment, report };
}

function union<T extends object>(a: readonly T[], b: readonly T[] = []): T[] {
	const all = new Map(
		[...a, ...b].map((t) => [JSON.stringify(Object.entries(t).sort()), t]),
	);
	return [...all.values()];
}
