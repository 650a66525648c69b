// The recorded attachments for a person at the command line.

import type { Host } from "../host.ts";
import { known } from "../state/inventory.ts";
import type { Attachment } from "../state/store.ts";

/** Reads them all, and warns of those that cannot be read and are passed over. Throws SysError if their directory cannot be read. */
export function readRecords(
	host: Host,
	dataDir: string,
): readonly Attachment[] {
	const { attachments, unread } = known(host, dataDir);
	const [records, are] = unread === 1 ? ["record", "is"] : ["records", "are"];
	if (unread > 0)
		host.write(
			2,
			`${unread} ${records} in ${dataDir} cannot be read, and ${are} passed over\n`,
		);
	return attachments;
}
