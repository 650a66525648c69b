// Reads the recorded attachments for a command, and warns the user of records that
// cannot be read and of those that another version of the plugin wrote.

import type { Host } from "../host.ts";
import type { Attachment } from "../policy/mapping.ts";
import { takeInventory } from "../state/inventory.ts";

/** Returns what is recorded of all attachments, and warns of records that cannot be read. Throws SysError if their directory cannot be read. */
export function readRecords(
	host: Host,
	dataDir: string,
): readonly Attachment[] {
	const { attachments, foreign, unreadable } = takeInventory(host, dataDir);
	const warn = (n: number, one: string, more: string): void => {
		const records = n === 1 ? "record" : "records";
		if (n > 0)
			host.write(2, `${n} ${records} in ${dataDir} ${n === 1 ? one : more}\n`);
	};
	warn(
		foreign.length,
		"is of another version of the plugin, and is kept",
		"are of another version of the plugin, and are kept",
	);
	warn(
		unreadable,
		"cannot be read, and is passed over",
		"cannot be read, and are passed over",
	);
	return [...attachments, ...foreign];
}
