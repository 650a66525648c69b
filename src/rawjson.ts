// Finds a member of a JSON document as the text it was written in, so that what
// we only pass on stays as it came: big numbers, order, unknown members.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** The bit that makes a brace of a bracket. */
const BRACE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The text of member `name` of the object that `text` holds, the last one if it
 * is there twice, as JSON.parse decides; undefined if there is none. `text` must
 * be a JSON object already known to be valid.
 */
export function memberText(text: string, name: string): string | undefined {
	let found: string | undefined;
	let depth = 0;
	let key: string | undefined;
	let start = 0;
	const { length } = text;
	for (let i = 0; i < length; i++) {
		const c = text.charCodeAt(i);
		if (c === QUOTE) {
			const end = stringEnd(text, i);
			if (depth === 1 && key === undefined)
				key = JSON.parse(text.slice(i, end + 1));
			i = end;
		} else if ((c | BRACE) === OPEN) {
			depth++;
		} else if (depth === 1 && c === COLON) {
			start = i + 1;
		} else if (c === COMMA || (c | BRACE) === CLOSE) {
			if (depth === 1) {
				if (key === name) found = text.slice(start, i).trim();
				key = undefined;
			}
			if (c !== COMMA) depth--;
		}
	}
	return found;
}

/** The offset of the quote that ends the string beginning at `at`. */
function stringEnd(text: string, at: number): number {
	for (
		let end = text.indexOf('"', at + 1);
		;
		end = text.indexOf('"', end + 1)
	) {
		let slashes = 0;
		while (text.charCodeAt(end - 1 - slashes) === BACKSLASH) slashes++;
		if (slashes % 2 === 0) return end;
	}
}
