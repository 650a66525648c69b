// The attachments in libcni's cache whose pods are not gone, for those who need neither
// records nor a snapshot of both (liveness.ts).

import type { Host } from "../host.ts";
import { type Cached, cacheDirs, readCache } from "../libcni/cache.ts";
import { hasEnded } from "./namespace.ts";

/** Returns the cached attachments whose pods are not gone. `onUnreadable` is called for each file that cannot be read. */
export function cachedAttachments(
	host: Host,
	dir: string,
	onUnreadable?: () => void,
): Cached[] {
	return cacheDirs(dir)
		.flatMap((results) => readCache(host, results, onUnreadable))
		.filter((c) => !hasEnded(host, c));
}
