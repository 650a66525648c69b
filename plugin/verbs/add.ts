// ADD: passes the result on as it came, records the attachment, and removes the
// entries that would keep traffic from it. Never fails because of conntrack.

import type { Host } from "../../src/host.ts";
import { type PluginConf, requirePrevResult } from "../cni/conf.ts";
import type { CmdArgs } from "../cni/protocol.ts";

export async function cmdAdd(
	host: Host,
	args: CmdArgs,
	conf: PluginConf,
): Promise<string> {
	await requirePrevResult(conf);
	// a whole pod is recorded also where only DEL acts: see `isAssigned`
	const acts = conf.on !== "del" && conf.portMappings.length > 0;
	if (acts || conf.scope === "pod") {
		const { attachmentOf, siteOf } = await import("./attachment.ts");
		const site = siteOf("ADD", host, args, conf);
		const { mappings, ...a } = attachmentOf(site, args, conf, "strict");
		const arrived = { ...a, mappings: acts ? mappings : [] };
		if (arrived.mappings.length + arrived.pods.length > 0) {
			const { arrive } = await import("../../src/flush/onadd.ts");
			await arrive(site, arrived);
		}
	}
	return (
		plainMember(conf.text, "prevResult") ??
		(await import("../../src/rawjson.ts")).memberText(
			conf.text,
			"prevResult",
		) ??
		""
	);
}

/**
 * The text of an object that is a member of `text`, which is known to be valid
 * and to have it, if it is found at a glance: the name stands in it once, and
 * nothing is escaped. So are the documents that runtimes write.
 */
export function plainMember(text: string, name: string): string | undefined {
	const key = `"${name}"`;
	const at = text.indexOf(key);
	if (at < 0 || text.indexOf(key, at + 1) >= 0 || text.includes("\\"))
		return undefined;
	const start = text.indexOf("{", at + key.length);
	let depth = 0;
	for (let i = start; ; i++) {
		const c = text.charCodeAt(i);
		if (c === 0x22) i = text.indexOf('"', i + 1);
		else if (c === 0x7b) depth++;
		else if (c === 0x7d && --depth === 0) return text.slice(start, i + 1);
	}
}
