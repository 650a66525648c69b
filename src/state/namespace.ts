// Whether an attachment's network namespace still exists, which says more than its
// record: a record stays if the DEL never comes. It looks at the path and never enters
// the namespace. In doubt the namespace exists, and so the attachment's entries stay.

import { type Host, isNotFound } from "../host.ts";
import type { Attachment } from "../policy/mapping.ts";

/** The initial PID namespace, PROC_PID_INIT_INO in include/linux/proc_ns.h. */
const INITIAL = "pid:[4026531836]";

/**
 * Returns true if the attachment's network namespace is gone, and so its pod is dead.
 * Nothing is known of an attachment without a path: its record is older than the path
 * in it, or its runtime gave none, as it may for a pod in the node's own namespace.
 *
 * A path that is there proves the opposite only in part. A file that is no namespace
 * may be one in the runtime's mount namespace, and a PID may be another process's.
 */
export function hasEnded(host: Host, { netns }: Attachment): boolean {
	if (!netns?.startsWith("/")) return false;
	try {
		host.readFile(netns);
		return false;
	} catch (e) {
		// nsfs has no read: a namespace that is there fails with EINVAL
		if (!isNotFound(e)) return false;
	}
	try {
		if (!netns.startsWith("/proc/")) return hasOthers(host, netns);
		// a thread ends, and a descriptor is closed, while the namespace is in use
		if (!/^\/proc\/\d+\/ns\/net$/.test(netns)) return false;
		// in a container, PIDs are not those of the runtime
		return host.full().readLink("/proc/self/ns/pid") === INITIAL;
	} catch {
		return false;
	}
}

/** Returns true if other namespaces are where this one was. An empty directory may be a container's own, not the node's. */
function hasOthers(host: Host, netns: string): boolean {
	return host.readDir(netns.slice(0, netns.lastIndexOf("/"))).length > 0;
}
