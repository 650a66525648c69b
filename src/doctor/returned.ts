// The check for entries that came back after a repair had removed them: something makes
// them that the nat rules do not show, so removing them again would never end.

import type { Host } from "../host.ts";
import { printable } from "../policy/words.ts";
import { readReturned } from "../state/returned.ts";
import { type Finding, warn } from "./finding.ts";

/** Names the first of them, its client only if `namesClients`, and counts the others. */
export function checkReturned(
	host: Host,
	dataDir: string,
	namesClients: boolean,
): Finding[] {
	const [line, ...others] = readReturned(host, dataDir);
	if (line === undefined) return [];
	const [, proto, rest] = /^(\w+) [^ >]+ > ([^>]+)$/.exec(line) ?? [];
	const unnamed = proto ? `${proto} a client > ${rest}` : "an entry";
	const first = namesClients ? line : unnamed;
	const more = others.length === 0 ? "" : `, and ${others.length} more`;
	return [
		warn(
			"entries that come back",
			`${printable(first)} came back after it was removed${more}`,
			"see what makes it: conntrack -E -p udp -e NEW",
		),
	];
}
