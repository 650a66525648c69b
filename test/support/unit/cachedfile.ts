// A file of libcni's cache in memory, read as the core reads it.

import { type Cached, readCache } from "../../../src/libcni/cache.ts";
import { fakeHost } from "../fakehost.ts";

const DIR = "/var/lib/cni/results";

/** The configuration with a plugin of this type, in base64 as libcni caches it. */
export function cachedConfig(type: string, pad = ""): string {
	const text = `${pad}{"plugins":[{"type":"${type}"}]}`;
	return Buffer.from(text).toString("base64");
}

/** Reads the cached file of an attachment whose chain has portmap; `members` are added to it. */
export function readCachedFile(members: object): Cached | undefined {
	const text = JSON.stringify({
		networkName: "n",
		containerId: "4f2e",
		config: cachedConfig("portmap"),
		ifName: "eth0",
		...members,
	});
	const host = fakeHost({ files: { [`${DIR}/n-4f2e-eth0`]: text } });
	return readCache(host, DIR)[0];
}
