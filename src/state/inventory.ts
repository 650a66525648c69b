// The recorded attachments for those who ask on behalf of a person, who has to be
// told where they are not all.

import type { Host } from "../host.ts";
import type { Attachment } from "./store.ts";
import * as attachments from "./store.ts";

export interface Known {
	readonly attachments: readonly Attachment[];
	/** Files in their directory that cannot be read, or are no records. */
	readonly unread: number;
}

/** Throws SysError if the directory cannot be read. */
export function known(host: Host, dataDir: string): Known {
	const found = attachments.everyRecord(host, dataDir);
	// what has gone meanwhile is not unread
	const there = attachments.names(host, dataDir);
	return {
		attachments: found.filter((a) => !a.gone),
		unread: Math.max(0, there.length - found.length),
	};
}
