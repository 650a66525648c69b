// JSON as Go's encoding/json takes it. libcni, go-cni, ocicni and Multus read with it,
// and it differs from JSON.parse: a struct's keys in any case, numbers that must fit a
// double, a limit of depth. It knows no key of CNI.

import { isObject } from "../objects.ts";
import { eachItem, stringEnd } from "../rawjson.ts";

/** The reason why a Go program does not load a text. It names no file. */
export class Unloadable extends Error {
	override readonly name = "Unloadable";
}

/** A text that Go may load, and that is too much for our engine. */
export class TooComplex extends Error {
	override readonly name = "TooComplex";
}

export type Member = readonly [key: string, value: unknown];

/** encoding/json: maxNestingDepth in scanner.go */
const MAX_DEPTH = 10_000;

/**
 * Returns the object that the text holds, as Go decodes it into a map: the last of two
 * equal keys counts. Throws Unloadable.
 */
export function parseObject(text: string): Readonly<Record<string, unknown>> {
	const found = parse(text);
	if (!isObject(found)) throw new Unloadable("not a JSON object");
	if (needsCheck(text)) checkText(text);
	return found;
}

/** Returns the members in the order in which Go decodes a struct from the text: equal keys too, each in its turn. Throws Unloadable. */
export function membersIn(text: string): Member[] {
	if (!isObject(parse(text))) throw new Unloadable("not a JSON object");
	const found: Member[] = [];
	eachItem(text, text.indexOf("{"), ({ from, to }, key = "") => {
		found.push([key, JSON.parse(text.slice(from, to))]);
	});
	return found;
}

/** Returns the members in the order in which Go writes a map, which is how libcni passes a plugin item on. */
export function membersOf(value: Readonly<Record<string, unknown>>): Member[] {
	return Object.keys(value)
		.sort()
		.map((key) => [key, value[key]]);
}

/** Returns a key as Go compares it with those of a struct (encoding/json: foldName). Only two letters that are no ASCII fold to one that is: the Kelvin sign, which has it for its lower case, and the long s. */
export function fold(key: string): string {
	return key.toLowerCase().replaceAll("\u017f", "s");
}

/** Returns the member that a struct's field gets: the last that agrees with the name in lower case and is not null. */
export function fieldOf(
	members: readonly Member[],
	name: string,
): Member | undefined {
	return members.findLast(
		([key, value]) => value !== null && fold(key) === name,
	);
}

/** Throws Unloadable, and TooComplex for what only our engine does not parse. */
function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch (e) {
		// engines differ in which of two faults they meet first
		checkText(text);
		if (e instanceof SyntaxError) throw new Unloadable("not JSON");
		throw new TooComplex(
			"it is nested too deeply, or takes more memory than there is",
		);
	}
}

/**
 * Throws Unloadable for a number or a depth that Go refuses. It goes by the text, because
 * Go refuses them also in the first of two equal keys, which JSON.parse forgets.
 */
function checkText(text: string): void {
	let depth = 0;
	for (let i = 0; i < text.length; i++) {
		const c = text.charCodeAt(i);
		if (c === QUOTE) {
			i = stringEnd(text, i);
			// half of a string
			if (i < 0) return;
		} else if ((c | BRACE) === OPEN) {
			if (++depth > MAX_DEPTH) throw new Unloadable("nested too deeply");
		} else if ((c | BRACE) === CLOSE) depth--;
		else if (isDigit(c)) {
			const from = i;
			while (isNumeric(text.charCodeAt(i + 1))) i++;
			if (!Number.isFinite(Number(text.slice(from, i + 1))))
				throw new Unloadable("a number is too large");
		}
	}
}

/** Returns true if the text may have what checkText looks for. It is asked first, because most texts have not, and a search is many times faster than a loop. */
function needsCheck(text: string): boolean {
	for (let digit = 0; digit <= 9; digit++)
		if (text.includes(`${digit}e`) || text.includes(`${digit}E`)) return true;
	for (let i = 0; i < text.length; i += LONGEST)
		if (isDigit(text.charCodeAt(i))) {
			let end = i;
			while (isDigit(text.charCodeAt(end))) end++;
			while (i > 0 && isDigit(text.charCodeAt(i - 1))) i--;
			if (end - i > LONGEST) return true;
			i = end;
		}
	let opened = 0;
	for (const bracket of ["[", "{"])
		for (let at = text.indexOf(bracket); at >= 0; opened++)
			at = text.indexOf(bracket, at + 1);
	return opened > MAX_DEPTH;
}

const QUOTE = 0x22;
/** The bit that makes a brace of a bracket. */
const BRACE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;
/** A number of so many digits is never beyond a double, which ends at 1.8e308. */
const LONGEST = 308;

function isDigit(c: number): boolean {
	return c >= 0x30 && c <= 0x39;
}

/** Returns true for the characters of a number after its first digit. */
function isNumeric(c: number): boolean {
	return (
		isDigit(c) || c === 0x2e || (c | 0x20) === 0x65 || c === 0x2b || c === 0x2d
	);
}
