// Files replaced whole: written beside their place, synced, renamed. Killed at
// any moment, it leaves the file of before or the new one, and at most a
// temporary that no runtime looks at and that the next call takes away.

import { type FileStat, type FullHost, isAbsent, isSysError } from "../host.ts";
import { TYPE } from "./conflist.ts";
import { namesIn, textOf } from "./paths.ts";
import type { Change } from "./plan.ts";
import { explained, Refusal } from "./refusal.ts";

const DEFAULT_MODE = 0o644;

/** Somebody else has written the file since it was read; to be planned anew. */
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

/** A container may lack CAP_CHOWN: then it is root's, who reads it. */
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
	if (before === undefined || after === undefined || !isLink(host, path))
		return;
	throw new Refusal(
		`${path} is a link`,
		"Whoever has made it keeps the file elsewhere: change it there, or use --mode dropin.",
	);
}

/** Fills a temporary and renames it to `path`; `check` may throw at the last moment. */
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

// none of the endings that a runtime reads
const SUFFIX = `.${TYPE}-new`;

/** Takes away what a killed call has left in the directory. */
export function removeTemporaries(host: FullHost, dir: string): void {
	for (const name of namesIn(host, dir) ?? [])
		if (name.endsWith(SUFFIX)) removeFile(host, `${dir}/${name}`);
}

/** Removes the file; false if there was none, or none that can be removed: an image's. */
export function removeFile(host: FullHost, path: string): boolean {
	try {
		host.unlink(path);
		return true;
	} catch (e) {
		// a read-only file system says so also of what is not there
		if (isAbsent(e) || isReadOnly(e)) return false;
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
		if (!isAbsent(e) && !(isSysError(e) && e.code === "ENOTEMPTY")) throw e;
	}
}

/** containerd does not look at sub-directories, nor at files that are made: but at files that go. */
export function nudge(host: FullHost, confDir: string): void {
	const path = `${confDir}/.${TYPE}.nudge`;
	host.writeFile(path, "", DEFAULT_MODE);
	host.unlink(path);
}

function isLink(host: FullHost, path: string): boolean {
	try {
		host.readLink(path);
		return true;
	} catch (e) {
		if (isSysError(e) && e.code === "EINVAL") return false;
		throw e;
	}
}

export function parentOf(path: string): string {
	return path.slice(0, path.lastIndexOf("/"));
}

export function baseOf(path: string): string {
	return path.slice(path.lastIndexOf("/") + 1);
}
