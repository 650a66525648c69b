// Reads the recorded attachments for a command, and warns the user of records that
// cannot be read. The plugin itself passes over those in silence.

import type { Host } from "../host.ts";
import type { Attachment } from "../policy/mapping.ts";
import { takeInventory } from "../state/inventory.ts";

/** Returns all recorded attachments, and warns of records that cannot be read. Throws SysError if their directory cannot be read. */
export function readRecords(
	host: Host,
	dataDir: string,
): readonly Attachment[] {
	const { attachments, unreadable } = takeInventory(host, dataDir);
	const [records, are] =
		unreadable === 1 ? ["record", "is"] : ["records", "are"];
	if (unreadable > 0)
		host.write(
			2,
			`${unreadable} ${records} in ${dataDir} cannot be read, and ${are} passed over\n`,
		);
	return attachments;
}
