// The work of ADD for a pod that has port mappings.

import { onAdd } from "../../src/flush/onadd.ts";
import type { Host } from "../../src/host.ts";
import type { PluginConf } from "../cni/conf.ts";
import { contextOf } from "../cni/context.ts";
import type { CmdArgs } from "../cni/request.ts";
import { attachmentOf } from "./attachment.ts";

/** Records the attachment and removes its stale entries. Throws a Problem for a port mapping of a wrong type. */
export async function add(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<void> {
	const context = contextOf("ADD", host, args, conf);
	const a = await attachmentOf(context, args, conf, "strict");
	// a plugin item that acts on DEL alone only records the pod
	const mappings = conf.on === "del" ? [] : a.mappings;
	if (mappings.length + a.podTargets.length > 0)
		await onAdd(context, { ...a, mappings });
}
