// The check for entries that came back after a repair had removed them: something makes
// them that the nat rules do not show, so removing them again would never end.

import type { Host } from "../host.ts";
import { printable } from "../policy/words.ts";
import { readReturned } from "../state/returned.ts";
import { type Finding, warn } from "./finding.ts";

/** Names the first of them, and counts the others. */
export function checkReturned(host: Host, dataDir: string): Finding[] {
	const [first, ...others] = readReturned(host, dataDir);
	if (first === undefined) return [];
	const more = others.length === 0 ? "" : `, and ${others.length} more`;
	return [
		warn(
			"entries that come back",
			`${printable(first)} came back after it was removed${more}`,
			"see what makes it: conntrack -E -p udp -e NEW",
		),
	];
}
