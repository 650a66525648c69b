// The records for commands that speak to a person: they say how many of them cannot
// be read, and how many another version of the plugin wrote.

import type { Host } from "../host.ts";
import type { Attachment } from "../policy/mapping.ts";
import { foreignAttachment, otherVersion } from "./foreign.ts";
import { everyRecord, isRecordName, recordNames } from "./store.ts";

export interface Inventory {
	readonly attachments: readonly Attachment[];
	/** What is known of attachments whose records another version of the plugin wrote, and whose DEL has not come. */
	readonly foreign: readonly Attachment[];
	/** Files in the directory that cannot be read or are no records. */
	readonly unreadable: number;
}

/** Returns the recorded attachments whose DEL has not come. Throws SysError if the directory of records cannot be read. */
export function recordedAttachments(host: Host, dataDir: string): Attachment[] {
	return everyRecord(host, dataDir).filter((a) => !a.unfinished);
}

/** Throws SysError if the directory cannot be read. */
export function takeInventory(host: Host, dataDir: string): Inventory {
	const foreign: Attachment[] = [];
	const found = everyRecord(host, dataDir, [""], {
		onUnreadable(name, text) {
			if (isRecordName(name) && otherVersion(text) !== undefined)
				foreign.push(foreignAttachment(name, text));
		},
	});
	// names come after contents: a record that was deleted in between is not unreadable
	const names = recordNames(host, dataDir);
	return {
		attachments: found.filter((a) => !a.unfinished),
		foreign: foreign.filter((a) => !a.unfinished),
		unreadable: Math.max(0, names.length - found.length - foreign.length),
	};
}
