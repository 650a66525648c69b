// The records for commands that speak to a person: they say how many of them cannot
// be read.

import type { Host } from "../host.ts";
import type { Attachment } from "../policy/mapping.ts";
import { everyRecord, recordNames } from "./store.ts";

export interface Inventory {
	readonly attachments: readonly Attachment[];
	/** Files in the directory that cannot be read or are no records. */
	readonly unreadable: number;
}

/** Returns the recorded attachments whose DEL has not come. Throws SysError if the directory of records cannot be read. */
export function recordedAttachments(host: Host, dataDir: string): Attachment[] {
	return everyRecord(host, dataDir).filter((a) => !a.unfinished);
}

/** Throws SysError if the directory cannot be read. */
export function takeInventory(host: Host, dataDir: string): Inventory {
	const found = everyRecord(host, dataDir);
	// names come after contents: a record that was deleted in between is not unreadable
	const names = recordNames(host, dataDir);
	return {
		attachments: found.filter((a) => !a.unfinished),
		unreadable: Math.max(0, names.length - found.length),
	};
}
