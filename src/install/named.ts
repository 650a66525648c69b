// The files that still name the executable. A runtime calls what its configuration
// names, and fails every pod's start or end if that is absent; so uninstall asks
// here first. It changes nothing.

import { type FullHost, isSysError } from "../host.ts";
import { isConfName, ownName, TYPE } from "./conflist.ts";
import { filesOf } from "./multus.ts";
import {
	allDirectories,
	kindOf,
	namesIn,
	textOf,
	type Where,
} from "./paths.ts";

/** The longest file in which our name is looked for. A longer one may name us. */
const MAX_SEARCHED = 32 << 20;

/** The executable's name as a configuration has it, in quotes. */
const NAMED = `"${TYPE}"`;

/** The same in base64. The number of bytes before it, modulo three, decides which of the three is there. */
const NAMED_BASE64 = [
	"ImNvbm50cmFjay1mbHVzaC",
	"Jjb25udHJhY2stZmx1c2gi",
	"iY29ubnRyYWNrLWZsdXNoI",
];

/**
 * Returns the files that a runtime or a Multus may read: the configurations of every
 * directory, those that Cilium has renamed, the files to which a Multus leads, and the
 * drop-ins beside them.
 */
export function configurations(host: FullHost, where: Where): string[] {
	const found = new Set<string>();
	const directories = new Set<string>();
	const add = (dir: string): void => {
		if (directories.has(dir)) return;
		directories.add(dir);
		const names = (namesIn(host, dir) ?? []).sort();
		for (const name of names)
			if (isConfName(ownName(name))) found.add(`${dir}/${name}`);
		for (const name of names)
			if (kindOf(host, `${dir}/${name}`) === "directory")
				for (const inner of (namesIn(host, `${dir}/${name}`) ?? []).sort())
					if (inner.endsWith(".conf")) found.add(`${dir}/${name}/${inner}`);
	};
	for (const dir of allDirectories(host, where).confDirs) add(dir);
	for (const path of [...found])
		for (const other of filesOf(host, where.root, multusText(host, path)))
			if (isConfName(other) && kindOf(host, other) === "file") {
				const dir = other.slice(0, other.lastIndexOf("/"));
				found.add(other);
				add(dir);
			}
	return [...found];
}

/** Returns the text of a file that may be Multus's, or "" for any other. */
function multusText(host: FullHost, path: string): string {
	try {
		const text = kindOf(host, path) === "file" ? textOf(host, path) : "";
		return text?.includes("multus") ? text : "";
	} catch {
		return "";
	}
}

/** Returns the files of a cache that name us. A runtime keeps there the configuration with which each pod was started. */
export function namedInCache(host: FullHost, dir: string): string[] {
	return (namesIn(host, dir) ?? [])
		.map((name) => `${dir}/${name}`)
		.filter((path) => namesUs(host, path, NAMED_BASE64));
}

/** Returns true if the file contains our name or one of `others`. A directory or a pipe names nobody; a file that cannot be read may name us. */
export function namesUs(
	host: FullHost,
	path: string,
	others: readonly string[] = [],
): boolean {
	try {
		if (kindOf(host, path) !== "file") return false;
		const text = anyText(host, path);
		return [NAMED, ...others].some((word) => text.includes(word));
	} catch {
		return true;
	}
}

/** Returns the file's text. If it is not UTF-8, each byte becomes a character. */
function anyText(host: FullHost, path: string): string {
	try {
		return host.readFile(path, MAX_SEARCHED);
	} catch (e) {
		if (!isSysError(e) || e.code !== "EILSEQ") throw e;
		let text = "";
		for (const byte of host.readBytes(path)) text += String.fromCharCode(byte);
		return text;
	}
}
