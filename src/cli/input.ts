// Reads the FILE of a flag: a plain file, standard input (`-` and /dev/stdin), or the
// pipe that a shell puts in place of `<(command)`.

import { type Host, MAX_DOCUMENT, type TextReader } from "../host.ts";

/** Returns the text of the file. Throws SysError, and Error if a pipe brings more than MAX_DOCUMENT. */
export function readInput(host: Host, path: string): string {
	// by its descriptor: standard input may be a socket, which has no name to open
	if (isStandardInput(path)) return host.stdin();
	return isStream(host, path)
		? readAll(host.full().openText(path), path)
		: host.readFile(path, MAX_DOCUMENT);
}

function readAll(reader: TextReader, path: string): string {
	try {
		let text = "";
		for (let part = reader.read(); part !== ""; part = reader.read()) {
			text += part;
			if (text.length > MAX_DOCUMENT)
				throw new Error(`${path} has more than ${MAX_DOCUMENT >> 20} MiB`);
		}
		return text;
	} finally {
		reader.close();
	}
}

export function isStandardInput(path: string): boolean {
	return path === "-" || path === "/dev/stdin";
}

/** Returns true if the file can be read only once. Throws SysError if it is absent. */
export function isStream(host: Host, path: string): boolean {
	if (isStandardInput(path)) return true;
	return host.full().stat(path).kind === "other";
}
