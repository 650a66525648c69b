// The interfaces on the node's side that libcni's cache names.

import type { Host } from "../host.ts";
import { isObject } from "../objects.ts";
import { cacheDirs, podIn, readFiles } from "./cache.ts";

/** Returns the pods by the interfaces that their results name without a sandbox. An interface that several results name, such as a bridge, has none. */
export function nodeLinks(
	host: Host,
	cacheDir: string,
	onUnreadable: () => void,
): ReadonlyMap<string, string | undefined> {
	const links = new Map<string, string | undefined>();
	const read = (file: Readonly<Record<string, unknown>>): void => {
		const { interfaces } = isObject(file.result) ? file.result : {};
		for (const link of Array.isArray(interfaces) ? interfaces : [])
			if (isObject(link) && !link.sandbox) {
				const name = String(link.name);
				links.set(name, links.has(name) ? undefined : podIn(file));
			}
	};
	for (const dir of cacheDirs(cacheDir))
		readFiles(host, dir, read, onUnreadable);
	return links;
}
