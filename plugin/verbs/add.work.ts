// The work of ADD for a pod that has port mappings.

import { onAdd } from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import { wordsOf } from "../../src/log.ts";
import { isObject } from "../../src/objects.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf, wholePod } from "./attachment.ts";

/**
 * Records the attachment and removes its stale entries. Throws a Problem for a port mapping
 * of a wrong type, and nothing else: a pod must not fail because its ports do not fit into
 * the memory. It is recorded by its addresses then.
 */
export async function add(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const context = contextOf("ADD", host, args, conf);
	try {
		const a = await attachmentOf(context, args, conf, "strict");
		// a plugin item that acts on DEL alone only records the pod
		const mappings = conf.on === "del" ? [] : a.mappings;
		if (mappings.length + a.podTargets.length > 0)
			await onAdd(context, { ...a, mappings });
	} catch (e) {
		if (isObject(e) && !(e instanceof Error)) throw e;
		context.log("error", "cannot finish ADD", { error: wordsOf(e) });
		const whole = wholePod(conf);
		const a = await attachmentOf(context, args, whole, "lenient");
		await onAdd(context, { ...a, vague: true });
	}
}
