// What a command says that knows no hostPort: otherwise its silence looks as if all were
// well. It looks again at the records, so it is for a command that has found nothing.

import type { Context } from "../context.ts";
import type { Attachment } from "../policy/mapping.ts";
import type { CacheSource } from "../state/liveness.ts";
import { liveAttachments } from "../state/liveness.ts";

/**
 * Returns `no port mapping is recorded in … or cached in …`, or undefined if one is.
 * Throws SysError if the directory of records cannot be read.
 */
export function unmappedInWords(
	context: Context,
	cache: CacheSource,
): string | undefined {
	const live = liveAttachments(context, cache);
	if (live.some(({ mappings }) => mappings.length > 0)) return undefined;
	const unmapped = `no port mapping is recorded in ${context.dataDir} or cached in ${cache.dir}`;
	const vague = live.filter(hasUnknownPorts).length;
	if (vague === 0) return unmapped;
	return `${unmapped} (${vague} ${vague === 1 ? "pod is" : "pods are"} recorded without ports)`;
}

/** Returns true if the pod may have hostPorts that its record does not name, as under CRI-O, which passes none to plugins. */
function hasUnknownPorts({ podTargets, vague }: Attachment): boolean {
	return podTargets.length > 0 || vague === true;
}
