// Where the elements of an array stand in a JSON text, so that what is around
// them can be kept byte by byte.

/** A piece of the text. */
export interface Span {
	readonly from: number;
	readonly to: number;
}

const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},]/g;

/**
 * The elements of the array that is member `name` of the object, the last one if
 * it is there twice, as JSON.parse and libcni decide; undefined if it is no array.
 * `text` must be known to be a JSON object.
 */
export function elementsOf(text: string, name: string): Span[] | undefined {
	let found: Span[] | undefined;
	let isInside = false;
	let depth = 0;
	let key: unknown;
	let from = 0;
	for (const { 0: token, index } of text.matchAll(TOKEN)) {
		const isNext = token === ",";
		if (token === "[" || token === "{") {
			depth++;
			if (depth === 2 && key === name) {
				isInside = token === "[";
				found = isInside ? [] : undefined;
				from = index + 1;
			}
		} else if (token === "]" || token === "}" || isNext) {
			if (depth === 2 && isInside) {
				found?.push(...trimmed(text, from, index));
				from = index + 1;
				isInside = isNext;
			}
			if (depth === 1) key = undefined;
			if (!isNext) depth--;
		} else if (depth === 1 && key === undefined) {
			key = JSON.parse(token);
			if (key === name) found = undefined;
		}
	}
	return found;
}

/** Without the white space around; nothing if there is nothing else. */
function trimmed(text: string, from: number, to: number): Span[] {
	const start = from + text.slice(from, to).search(/\S|$/);
	const end = from + text.slice(from, to).trimEnd().length;
	return start < end ? [{ from: start, to: end }] : [];
}
