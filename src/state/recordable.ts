// A pod with so many ports that no record can hold them. Verbs with few ports do not load
// this file.

import type { Log } from "../log.ts";
import type { Attachment, PodTarget } from "../policy/mapping.ts";
import { portsIn } from "../policy/portrow.ts";

/** So many rows of ports fit into a record, whatever their addresses, and into the memory of who reads it. */
const MOST_ROWS = 32_768;

/** Returns the attachment as its record can hold it: if its ports are too many, its addresses stand for them, and the log says so. */
export function recordable(log: Log, a: Attachment): Attachment {
	const { mappings } = a;
	if (mappings.length <= MOST_ROWS) return a;
	log(
		"warn",
		"too many ports for a record, which now has the addresses alone",
		{
			ports: portsIn(mappings),
			rows: mappings.length,
			rowsAtMost: MOST_ROWS,
		},
	);
	const targets = new Map<string, PodTarget>();
	for (const { family, proto, podIP } of [...mappings, ...a.podTargets])
		targets.set(`${proto} ${podIP}`, { family, proto, podIP });
	return {
		...a,
		mappings: [],
		podTargets: [...targets.values()],
		vague: true,
	};
}
