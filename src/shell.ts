// Words as a shell takes them, in commands that people copy and in completions.

/** Returns the word in single quotes, for every shell. In fish a backslash escapes even there, but no word of ours has one. */
export function inQuotes(word: string): string {
	return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Returns the word as it is typed: in quotes only if it needs them. */
export function shellWord(word: string): string {
	return /^[\w.,:=/@%+-]+$/.test(word) ? word : inQuotes(word);
}
