// libcni's cache: one file for each attachment, written when the whole chain has
// returned from ADD and removed after DEL, whichever plugins were in the chain.

import { type Host, isNotFound, MAX_DOCUMENT } from "../host.ts";
import type { IP } from "../net/ip.ts";
import { PROTOCOLS } from "../net/proto.ts";
import { isObject } from "../objects.ts";
import {
	type Attachment,
	type AttachmentID,
	isSame,
} from "../policy/mapping.ts";
import { podNameOf } from "./podname.ts";
import { resolveMappings } from "./portmappings.ts";
import { addressesIn, firstOfEachFamily, sandboxIn } from "./result.ts";

/** The directory that libcni caches in, unless the runtime gives it another. */
export const CACHE_DIR = "/var/lib/cni";

/**
 * An attachment as libcni remembers it. It has its mappings, of all protocols, only if
 * portmap was in its chain to make rules of them: containerd caches them for the pod's
 * loopback interface as well.
 */
export interface Cached extends Attachment {
	/** All addresses of the pod in the result. */
	readonly ips: readonly IP[];
}

/** Returns libcni's own directory under the one it was given, and that of the libcni in Multus, which caches what is delegated. */
export function cacheDirs(dir: string): string[] {
	return [`${dir}/results`, `${dir}/multus/results`];
}

/** Returns the files' names, or none where no cache can be read. */
export function cacheNames(host: Host, dir: string): string[] {
	try {
		return host.readDir(dir);
	} catch {
		return [];
	}
}

/** Returns the name of the attachment's file. */
export function cacheName(id: AttachmentID): string {
	return `${id.network}-${id.containerID}-${id.ifname}`;
}

/** Returns the cached attachments. A file of an old libcni holds the addresses alone. Files that cannot be read are passed over, and `onUnreadable` is called for each. */
export function readCache(
	host: Host,
	dir: string,
	onUnreadable?: () => void,
): Cached[] {
	return readFiles(host, dir, attachmentIn, onUnreadable);
}

/** Returns what `read` makes of each file that is an object, as `readCache` goes through them. */
export function readFiles<T>(
	host: Host,
	dir: string,
	read: (file: Readonly<Record<string, unknown>>) => T,
	onUnreadable?: () => void,
): T[] {
	return cacheNames(host, dir).flatMap((name) => {
		try {
			const file = fileAt(host, `${dir}/${name}`);
			return file ? [read(file)] : [];
		} catch (e) {
			// foreign or half written, if it was not removed meanwhile
			if (!isNotFound(e)) onUnreadable?.();
			return [];
		}
	});
}

/** Returns the attachment's own file, or undefined if it is absent or cannot be read. */
export function findCached(
	host: Host,
	dir: string,
	id: AttachmentID,
): Cached | undefined {
	try {
		const file = fileAt(host, `${dir}/${cacheName(id)}`);
		const found = file && attachmentIn(file);
		// a name that is joined with - may be another attachment's
		return found && isSame(found, id) ? found : undefined;
	} catch {
		return undefined;
	}
}

/** Returns undefined if the file is no object. Throws SysError or SyntaxError. */
function fileAt(
	host: Host,
	path: string,
): Readonly<Record<string, unknown>> | undefined {
	// ten thousand ports take more than a MiB
	const file: unknown = JSON.parse(host.readFile(path, MAX_DOCUMENT));
	return isObject(file) ? file : undefined;
}

function attachmentIn(file: Readonly<Record<string, unknown>>): Cached {
	const ifname = String(file.ifName ?? "");
	const result = isObject(file.result) ? file.result : {};
	// those of its loopback interface every pod has
	const ips = ifname === "lo" ? [] : addressesIn(result, ifname);
	// libcni before 1.2 does not cache the path itself
	const netns = isText(file.netns) ? file.netns : sandboxIn(result, ifname);
	const hasPortmap = PORTMAP.some((word) => String(file.config).includes(word));
	const { portMappings } = isObject(file.capabilityArgs)
		? file.capabilityArgs
		: {};
	const items = hasPortmap && Array.isArray(portMappings) ? portMappings : [];
	return {
		network: String(file.networkName ?? ""),
		containerID: String(file.containerId ?? ""),
		ifname,
		pod: podIn(file),
		added: 0,
		mappings: resolveMappings(
			items,
			Object.values(PROTOCOLS),
			firstOfEachFamily(ips),
			() => {},
		),
		podTargets: [],
		...(netns !== undefined && { netns }),
		ips,
	};
}

function isText(x: unknown): x is string {
	return typeof x === "string" && x !== "";
}

/** `"portmap"` in base64, in which libcni caches the conflist. There are three forms, which depend on the offset. */
const PORTMAP = ["InBvcnRtYXAi", "Jwb3J0bWFwI", "icG9ydG1hcC"];

/** Returns the name of a file's pod: `namespace/name`. */
export function podIn({
	cniArgs,
}: Readonly<Record<string, unknown>>): string | undefined {
	const pairs = Array.isArray(cniArgs) ? cniArgs : [];
	return podNameOf(
		pairs
			.filter((pair) => Array.isArray(pair))
			.map(([key, value]) => [String(key), value]),
	);
}
