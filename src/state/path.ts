// The file of one attachment: where it is and its text. Apart from what is read
// from it, because every DEL looks whether there is one.

import { type Host, isAbsent, isSysError } from "../host.ts";
import type { AttachmentID } from "./store.ts";

/**
 * No name of the spec holds a colon; what else they hold must not lead out of the
 * directory. A file's name ends at 255 bytes, with `.json.tmp`: of a longer one its
 * begin stays, and 48 bits of a hash. No other name holds a comma.
 */
export function pathOf(dataDir: string, id: AttachmentID): string {
	const { network, containerID, ifname } = id;
	let name = `${encodeURIComponent(network)}:${encodeURIComponent(containerID)}:${encodeURIComponent(ifname)}`;
	if (name.length > 240) {
		let hash = 0;
		// 2^48 - 59 is prime, and what is multiplied stays exact
		for (let i = 0; i < name.length; i++)
			hash = (hash * 31 + name.charCodeAt(i)) % 281474976710597;
		name = `${name.slice(0, 200)},${hash}`;
	}
	return `${dataDir}/${name}.json`;
}

/** The file's text; undefined if there is none, or none that is text. Throws SysError for what is not simply absent. */
export function readRecord(host: Host, path: string): string | undefined {
	try {
		return host.readFile(path);
	} catch (e) {
		if (isAbsent(e) || (isSysError(e) && e.code === "EILSEQ")) return undefined;
		throw e;
	}
}
