// The check of what the plugin itself has said: that it cannot use conntrack. The doctor may
// have a capability that the plugin lacks, because a runtime starts the plugin.

import type { Host } from "../host.ts";
import { printable } from "../policy/words.ts";
import { readUnusable } from "../state/unusable.ts";
import { type Finding, fail } from "./finding.ts";

/** Returns a finding if the plugin's last STATUS could not use conntrack. */
export function checkPlugin(host: Host, dataDir: string): Finding[] {
	const reason = readUnusable(host, dataDir);
	if (reason === undefined) return [];
	return [
		fail(
			"plugin",
			`could not use conntrack when the runtime asked for its STATUS: ${printable(reason)}`,
			"pods start and end all the same, but stale entries stay; give the runtime's service CAP_NET_ADMIN, or modprobe nf_conntrack_netlink",
		),
	];
}
