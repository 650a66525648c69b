// DEL of an attachment whose record this version cannot read: another version of the plugin
// wrote it, or it was cut. What is known otherwise stands for it, and the log says so.

import type { Context } from "../../src/context.ts";
import { CACHE_DIR, cacheDirs, findCached } from "../../src/libcni/cache.ts";
import {
	type Attachment,
	type AttachmentID,
	addressesOf,
} from "../../src/policy/mapping.ts";
import { foreignAttachment, otherVersion } from "../../src/state/foreign.ts";
import { pathOf } from "../../src/state/path.ts";
import type { PluginConf } from "../cni/conf.ts";
import { podTargetsOf, protocolsOf } from "./attachment.ts";

/**
 * Returns what stands for the record with this text: the port mappings in libcni's cache, or
 * else the pod's addresses, with all that leads to them. Returns undefined if neither is
 * known; then the request has to do. Never throws.
 */
export function standIn(
	{ host, dataDir, log }: Context,
	id: AttachmentID,
	conf: PluginConf,
	text: string,
): Attachment | undefined {
	const version = otherVersion(text);
	// a record that was cut is nothing new to a request that says all
	if (version === undefined && conf.portMappings.length > 0 && conf.prevResult)
		return undefined;
	const record = pathOf(dataDir, id);
	const known = foreignAttachment(record.slice(dataDir.length + 1), text);
	const [cached] = cacheDirs(CACHE_DIR).flatMap(
		(dir) => findCached(host, dir, id) ?? [],
	);
	const mappings = cached?.mappings ?? [];
	const ips = new Set([...addressesOf(known), ...(cached?.ips ?? [])]);
	log(
		"warn",
		version === undefined
			? "the attachment's record cannot be read"
			: "the attachment's record is of another version of the plugin",
		{
			record,
			version,
			instead:
				mappings.length > 0
					? "the ports in libcni's cache"
					: ips.size > 0
						? "all that leads to the pod's addresses"
						: "the request alone",
		},
	);
	if (mappings.length > 0) return { ...known, mappings, podTargets: [] };
	if (ips.size === 0) return undefined;
	return {
		...known,
		podTargets: podTargetsOf(protocolsOf(conf.protocols), [...ips]),
	};
}
