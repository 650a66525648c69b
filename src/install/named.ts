// The files that still name the executable. A runtime calls what its configuration
// names, and fails every pod's start or end if that is absent; so uninstall asks
// here first. It changes nothing.

import { type FullHost, isSysError } from "../host.ts";
import { isConfName, ownName, TYPE } from "./conflist.ts";
import { kindOf, namesIn } from "./paths.ts";

/** The executable's name as a configuration has it, in quotes. */
const NAMED = `"${TYPE}"`;

/** The same in base64. The number of bytes before it, modulo three, decides which of the three is there. */
const NAMED_BASE64 = [
	"ImNvbm50cmFjay1mbHVzaC",
	"Jjb25udHJhY2stZmx1c2gi",
	"iY29ubnRyYWNrLWZsdXNoI",
];

/** Returns the configurations of the directory that name us, with drop-ins and the files that Cilium has renamed. */
export function namedInConfigurations(
	host: FullHost,
	confDir: string,
): string[] {
	const names = (namesIn(host, confDir) ?? []).sort();
	const dropIns = names
		.filter((name) => kindOf(host, `${confDir}/${name}`) === "directory")
		.flatMap((name) =>
			(namesIn(host, `${confDir}/${name}`) ?? [])
				.filter((n) => n.endsWith(".conf"))
				.map((n) => `${name}/${n}`),
		);
	return [
		...names.filter((name) => isConfName(ownName(name))),
		...dropIns.sort(),
	]
		.map((name) => `${confDir}/${name}`)
		.filter((path) => namesUs(host, path));
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
		return host.readFile(path);
	} catch (e) {
		if (!isSysError(e) || e.code !== "EILSEQ") throw e;
		let text = "";
		for (const byte of host.readBytes(path)) text += String.fromCharCode(byte);
		return text;
	}
}
