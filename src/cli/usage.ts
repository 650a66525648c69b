// The error for a wrong command line, and the search for the word that was meant. It
// prints nothing.

import { closest, distance } from "fastest-levenshtein";

/** Ends the command with exit code 2. Its message names the wrong word. */
export class UsageError extends Error {
	override readonly name = "UsageError";
	/** The word to type instead, if one is near. */
	readonly instead: string | undefined;
	/** The commands, without the program's name, one of which was probably meant. */
	readonly commands: readonly string[];

	constructor(
		message: string,
		instead?: string,
		commands: readonly string[] = [],
	) {
		super(message);
		this.instead = instead;
		this.commands = commands;
	}
}

/** Returns the word of `valid` that `word` is most likely a slip of; undefined if none is near. */
export function nearest(
	word: string,
	valid: readonly string[],
): string | undefined {
	if (valid.length === 0) return undefined;
	// hyphens and case do not count: the slip is elsewhere
	const bare = (text: string): string => text.replace(/^-+/, "").toLowerCase();
	const meant = bare(word);
	const begun = valid.filter((v) => meant !== "" && bare(v).startsWith(meant));
	if (begun.length === 1) return begun[0];
	const found = closest(meant, valid.map(bare));
	const isNear =
		distance(meant, found) < meant.length / 2 ||
		// two letters that have changed places have a distance of 2, but are one slip
		letters(meant) === letters(found);
	return isNear ? valid.find((v) => bare(v) === found) : undefined;
}

function letters(word: string): string {
	return [...word].sort().join("");
}
