// What is wrong with the words of a command line, and what was meant perhaps.

import { closest, distance } from "fastest-levenshtein";

/** Ends the command with exit code 2; the message names the word. */
export class UsageError extends Error {
	override readonly name = "UsageError";
	/** What to type instead. */
	readonly instead: string | undefined;

	constructor(message: string, instead?: string) {
		super(message);
		this.instead = instead;
	}
}

/** The one of `valid` that `word` is most likely a slip of; undefined if none is near. */
export function nearest(
	word: string,
	valid: readonly string[],
): string | undefined {
	if (valid.length === 0) return undefined;
	// neither the hyphens nor the case are what is mistaken
	const bare = (text: string): string => text.replace(/^-+/, "").toLowerCase();
	const meant = bare(word);
	const begun = valid.filter((v) => meant !== "" && bare(v).startsWith(meant));
	if (begun.length === 1) return begun[0];
	const found = closest(meant, valid.map(bare));
	const isNear =
		distance(meant, found) < meant.length / 2 ||
		// two letters that have changed places count as two
		letters(meant) === letters(found);
	return isNear ? valid.find((v) => bare(v) === found) : undefined;
}

function letters(word: string): string {
	return [...word].sort().join("");
}
