// The records that a burst needs, read once. The searches of a hundred verbs would read
// a hundred records each.

import { type Attachment, addressesOf } from "../policy/mapping.ts";
import { HOST_IP_WORD, VAGUE_WORD, wordsOfPorts } from "./words.ts";

/** Returns every word by which somebody may ask for the attachment. */
function wordsIn(a: Attachment): Set<string> {
	const words = new Set([...addressesOf(a), ...wordsOfPorts(a.mappings)]);
	if (a.mappings.some(({ hostIP }) => hostIP !== null)) words.add(HOST_IP_WORD);
	if (a.vague) words.add(VAGUE_WORD);
	return words;
}

/**
 * Returns a function that answers as `read` does, for some of `words`. `read` is called
 * once, at the first call.
 */
export function indexed(
	words: readonly string[],
	read: (words: readonly string[]) => readonly Attachment[],
): (words: readonly string[]) => readonly Attachment[] {
	let index: Map<string, Attachment[]> | undefined;
	const make = (): Map<string, Attachment[]> => {
		const made = new Map<string, Attachment[]>(words.map((word) => [word, []]));
		for (const a of read(words))
			for (const word of wordsIn(a)) made.get(word)?.push(a);
		return made;
	};
	return (asked) => {
		index ??= make();
		const found = index;
		// a word that was not foreseen
		if (asked.some((word) => !found.has(word))) return read(asked);
		return [...new Set(asked.flatMap((word) => found.get(word) ?? []))];
	};
}
