// Who still names the executable: a runtime calls what its configuration names,
// and fails every pod's start or end if that is not there.

import { type FullHost, isSysError } from "../host.ts";
import { isConfName, ownName, TYPE } from "./conflist.ts";
import { kindOf, namesIn } from "./paths.ts";

/** The name in quotes, in a configuration. */
const NAMED = `"${TYPE}"`;

/** The same in base64, which has it in one of three ways, by what comes before. */
const NAMED_BASE64 = [
	"ImNvbm50cmFjay1mbHVzaC",
	"Jjb25udHJhY2stZmx1c2gi",
	"iY29ubnRyYWNrLWZsdXNoI",
];

/** The configurations of the directory that name us, with drop-ins and what Cilium has renamed. */
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

/** The files with configurations of pods that name us, as they were when each began. */
export function namedInCache(host: FullHost, dir: string): string[] {
	return (namesIn(host, dir) ?? [])
		.map((name) => `${dir}/${name}`)
		.filter((path) => namesUs(host, path, NAMED_BASE64));
}

/** What is no file names nobody; what cannot be read may. */
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

/** Of what is not UTF-8, each byte is a character. */
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
