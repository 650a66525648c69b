// Finds a part of a JSON document as the text it was written in, so that everything
// that is only passed on stays as it came: big numbers, order, white space, unknown
// members. Every text must already be known to be valid JSON.

/** A piece of a text; `to` is the offset after its last character. */
export interface Span {
	readonly from: number;
	readonly to: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
/** The bit that makes a brace of a bracket. */
const BRACE = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * Returns where the value of member `name` stands in the object that `text` holds. If
 * the member is there twice it is the last one, as JSON.parse and Go decide. Returns
 * undefined if there is none.
 */
export function memberSpan(text: string, name: string): Span | undefined {
	let found: Span | undefined;
	eachItem(text, text.indexOf("{"), (span, key) => {
		if (key === name) found = span;
	});
	return found;
}

/** Returns where the elements of member `name` stand, if that is an array. */
export function elementSpans(text: string, name: string): Span[] | undefined {
	const array = memberSpan(text, name);
	if (array === undefined || text[array.from] !== "[") return undefined;
	const found: Span[] = [];
	eachItem(text, array.from, (span) => {
		found.push(span);
	});
	return found;
}

/** Calls `visit` for each member or element of the object or array that begins at `at`, in the order of the text. */
export function eachItem(
	text: string,
	at: number,
	visit: (value: Span, key: string | undefined) => void,
): void {
	const isObject = text.charCodeAt(at) === OPEN;
	let depth = 0;
	let key: string | undefined;
	let from = at + 1;
	for (let i = at; ; i++) {
		const c = text.charCodeAt(i);
		if (c === QUOTE) {
			const end = stringEnd(text, i);
			if (depth === 1 && isObject && key === undefined)
				key = JSON.parse(text.slice(i, end + 1));
			i = end;
		} else if ((c | BRACE) === OPEN) {
			depth++;
		} else if (depth === 1 && c === COLON) {
			from = i + 1;
		} else if (c === COMMA || (c | BRACE) === CLOSE) {
			if (depth === 1) {
				const value = trimmed(text, from, i);
				// an empty object or array has no item
				if (value.from < value.to) visit(value, key);
				key = undefined;
				from = i + 1;
			}
			if (c !== COMMA && --depth === 0) return;
		}
	}
}

/** Returns the offset of the quote that ends the string which begins at `at`. */
export function stringEnd(text: string, at: number): number {
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

/** Returns the span without the white space at both ends. */
function trimmed(text: string, from: number, to: number): Span {
	const isSpace = (at: number): boolean => text.charCodeAt(at) <= 0x20;
	let start = from;
	let end = to;
	while (start < end && isSpace(start)) start++;
	while (start < end && isSpace(end - 1)) end--;
	return { from: start, to: end };
}
