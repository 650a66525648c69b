// Files are replaced whole: a temporary is written beside the place, synced and
// renamed. A kill at any moment leaves the old file or the new one, and at most a
// temporary that no runtime reads and that the next call removes. What a file is to
// hold is decided in plan.ts.

import {
	type FileStat,
	type FullHost,
	isNotFound,
	isSysError,
} from "../host.ts";
import { TYPE } from "./conflist.ts";
import { baseOf, entryKind, namesIn, parentOf, textOf } from "./paths.ts";
import type { Change } from "./plan.ts";
import { explained, Refusal } from "./refusal.ts";

const DEFAULT_MODE = 0o644;

/** Somebody else has written the file since it was read, so the change must be planned again. */
export class Overtaken extends Error {
	override readonly name = "Overtaken";
}

/** Carries out the change. Throws Overtaken, Refusal, SysError. */
export function apply(host: FullHost, change: Change): void {
	const { path, before, after } = change;
	const dir = parentOf(path);
	if (after === undefined) {
		if (removeFile(host, path)) host.sync(dir);
		return;
	}
	if (before === undefined) host.mkdir(dir, 0o755);
	refuseLink(host, change);
	const old = before === undefined ? undefined : host.stat(path);
	replace(
		host,
		path,
		(temporary) => {
			host.writeFile(temporary, after, old?.mode ?? DEFAULT_MODE);
			if (old) giveTo(host, temporary, old);
		},
		() => {
			if (textOf(host, path) !== before)
				throw new Overtaken(`${path} was changed by somebody else`);
		},
	);
}

/** Gives the file the old one's owner. A container may lack CAP_CHOWN: the file is then root's, and runtimes, which run as root, can read it. */
function giveTo(host: FullHost, path: string, { uid, gid }: FileStat): void {
	if (uid === 0 && gid === 0) return;
	try {
		host.chown(path, uid, gid);
	} catch (e) {
		if (!isSysError(e) || e.code !== "EPERM") throw e;
	}
}

/** Throws Refusal if the file that is to be changed is a link. */
export function refuseLink(
	host: FullHost,
	{ path, before, after }: Change,
): void {
	if (
		before === undefined ||
		after === undefined ||
		entryKind(host, path) !== "link"
	)
		return;
	throw new Refusal(
		`${path} is a link`,
		"Whoever has made it keeps the file elsewhere: change it there, or use --mode dropin.",
	);
}

/** Fills a temporary and renames it to `path`. `check` is called last before the rename, and may throw. Throws Refusal, SysError. */
export function replace(
	host: FullHost,
	path: string,
	fill: (temporary: string) => void,
	check?: () => void,
): void {
	const dir = parentOf(path);
	const temporary = `${dir}/.${baseOf(path)}${SUFFIX}`;
	try {
		fill(temporary);
		host.sync(temporary);
		check?.();
		host.rename(temporary, path);
	} catch (e) {
		removeTemporaries(host, dir);
		throw explained(e);
	}
	host.sync(dir);
}

// a runtime reads no file with this ending
const SUFFIX = `.${TYPE}-new`;

/** Removes the temporaries that a killed call has left in the directory. */
export function removeTemporaries(host: FullHost, dir: string): void {
	for (const name of namesIn(host, dir) ?? [])
		if (name.endsWith(SUFFIX)) removeFile(host, `${dir}/${name}`);
}

/** Removes the file. Returns false if there is none, or if the file system is read-only, as an image's is. */
export function removeFile(host: FullHost, path: string): boolean {
	try {
		host.unlink(path);
		return true;
	} catch (e) {
		// a read-only file system answers EROFS for an absent file too
		if (isNotFound(e) || isReadOnly(e)) return false;
		throw e;
	}
}

export function isReadOnly(e: unknown): boolean {
	return isSysError(e) && e.code === "EROFS";
}

/** Removes the directory if nothing is in it. */
export function removeEmpty(host: FullHost, dir: string): void {
	try {
		host.rmdir(dir);
	} catch (e) {
		if (!isNotFound(e) && !(isSysError(e) && e.code === "ENOTEMPTY")) throw e;
	}
}

/**
 * Makes containerd read its configuration again. containerd does not watch
 * sub-directories and does not react to new files, but it reacts to a deletion.
 */
export function nudge(host: FullHost, confDir: string): void {
	const path = `${confDir}/.${TYPE}.nudge`;
	host.writeFile(path, "", DEFAULT_MODE);
	host.unlink(path);
}
