// What verbs could not finish in their time: an empty file for each attachment, with the
// name of its record. It does not say what to do: a look at the records, at libcni's cache
// and at the rules of a later moment does, and that is `reconcile`.

import type { Host } from "../host.ts";
import type { AttachmentID } from "../policy/mapping.ts";
import { pathOf, readRecord } from "./path.ts";
import { recordAt } from "./store.ts";

/** The directory of the files. */
export function leftDir(dataDir: string): string {
	return `${dataDir}/left`;
}

/** Notes that the attachment's verb could not finish. Never throws. */
export function leave(host: Host, dataDir: string, id: AttachmentID): void {
	const dir = leftDir(dataDir);
	try {
		host.mkdir(dir, 0o700);
		host.appendFile(pathOf(dir, id), "", 0o600);
	} catch {
		// the next `reconcile` finds it by itself
	}
}

/** Returns the names of what was left. Never throws. */
export function leftBehind(host: Host, dataDir: string): string[] {
	try {
		return host.readDir(leftDir(dataDir));
	} catch {
		return [];
	}
}

/** Forgets what was left, because it has been done; a DEL whose record is still unfinished has not. Never throws. */
export function takeUp(
	host: Host,
	dataDir: string,
	names: readonly string[],
): void {
	for (const name of names)
		try {
			const path = `${dataDir}/${name}`;
			const a = recordAt(dataDir, path, readRecord(host, path) ?? "");
			if (!a?.unfinished) host.unlink(`${leftDir(dataDir)}/${name}`);
		} catch {
			// the next time, if another process was not quicker
		}
}
