// What is said where no hostPort is known: otherwise the silence of a command looks as if
// all were well. Pure.

import type { Attachment } from "./mapping.ts";

/** Returns `no port mapping is recorded in … or cached in …`, or undefined if one of the live attachments has one. */
export function unmappedInWords(
	live: readonly Attachment[],
	dataDir: string,
	cacheDir: string,
): string | undefined {
	if (live.some(({ mappings }) => mappings.length > 0)) return undefined;
	const unmapped = `no port mapping is recorded in ${dataDir} or cached in ${cacheDir}`;
	const vague = live.filter(hasUnknownPorts).length;
	if (vague === 0) return unmapped;
	return `${unmapped} (${vague} ${vague === 1 ? "pod is" : "pods are"} recorded without ports)`;
}

/** Returns true if the pod may have hostPorts that its record does not name, as under CRI-O, which passes none to plugins. */
function hasUnknownPorts({ podTargets, vague }: Attachment): boolean {
	return podTargets.length > 0 || vague === true;
}
