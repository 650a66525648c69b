// The path of an attachment's record, and its text. Every DEL looks if there is a record,
// so this file holds no more than that takes; store.ts reads the text.

import { type Host, isNotFound, isSysError } from "../host.ts";
import type { AttachmentID } from "../policy/mapping.ts";

/** The longest record in bytes. store.ts writes none that could not be read again. */
export const MAX_RECORD = 8 << 20;

/**
 * Returns the path of the attachment's record. No name of the CNI specification holds
 * a colon, so the three parts stay apart; whatever else they hold must not lead out of
 * the directory. A file's name may have 255 bytes, `.json.tmp` included: of a longer
 * one the beginning stays, then a comma, which no other name holds, and a 48-bit hash.
 */
export function pathOf(dataDir: string, id: AttachmentID): string {
	const { network, containerID, ifname } = id;
	let name = `${encodeURIComponent(network)}:${encodeURIComponent(containerID)}:${encodeURIComponent(ifname)}`;
	if (name.length > 240) {
		let hash = 0;
		// 2^48 - 59 is prime, and the product of a step stays an exact number
		for (let i = 0; i < name.length; i++)
			hash = (hash * 31 + name.charCodeAt(i)) % 281474976710597;
		name = `${name.slice(0, 200)},${hash}`;
	}
	return `${dataDir}/${name}.json`;
}

/** Returns the file's text, or undefined if the file is absent or is no text. Throws SysError for any other failure. */
export function readRecord(host: Host, path: string): string | undefined {
	try {
		return host.readFile(path, MAX_RECORD);
	} catch (e) {
		if (isNotFound(e) || (isSysError(e) && e.code === "EILSEQ"))
			return undefined;
		throw e;
	}
}
