// The version of a list, as libcni finds it: `cniVersion`, or the newest of
// `cniVersions` that libcni knows. It calls nobody.

import { Unloadable } from "./gojson.ts";

/** The versions that the plugin speaks, oldest first. A call with another fails. */
export const SPOKEN: readonly string[] = [
	"0.1.0",
	"0.2.0",
	"0.3.0",
	"0.3.1",
	"0.4.0",
	"1.0.0",
	"1.1.0",
];

/** The newest version that libcni 1.3 knows. */
const CURRENT: readonly number[] = [1, 1, 0];

/** Returns the list's version; "" if it names none. Throws Unloadable, as libcni.NetworkConfFromBytes does. */
export function versionOf(list: Readonly<Record<string, unknown>>): string {
	const { cniVersion = "", cniVersions } = list;
	if (typeof cniVersion !== "string")
		throw new Unloadable("cniVersion is no string");
	if (cniVersions === undefined) return cniVersion;
	if (!Array.isArray(cniVersions))
		throw new Unloadable("cniVersions is no list");
	const named = cniVersions.map((version: unknown) => {
		if (typeof version !== "string")
			throw new Unloadable("cniVersions has something that is no string");
		return version;
	});
	if (cniVersion !== "") named.push(cniVersion);
	const known = named
		.map((text) => ({ text, parts: partsOf(text) }))
		.filter(({ parts }) => compare(parts, CURRENT) <= 0)
		.sort((a, b) => compare(a.parts, b.parts));
	return known.at(-1)?.text ?? cniVersion;
}

/** Parses a version as libcni does: up to three numbers, and none is 0.1.0. */
function partsOf(version: string): number[] {
	if (version === "") return [0, 1, 0];
	const words = version.split(".");
	if (words.length > 3 || !words.every(isInteger))
		throw new Unloadable("cniVersions has something that is no version");
	return [...words.map(Number), 0, 0].slice(0, 3);
}

/** Returns true for what Go's strconv.Atoi takes. */
function isInteger(word: string): boolean {
	const digits = word.startsWith("-") || word.startsWith("+") ? 1 : 0;
	return word.length > digits && word.length < 20 && /^[-+]?\d+$/.test(word);
}

function compare(a: readonly number[], b: readonly number[]): number {
	const i = a.findIndex((n, at) => n !== b[at]);
	return i < 0 ? 0 : (a[i] ?? 0) - (b[i] ?? 0);
}
