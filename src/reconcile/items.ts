// The items of a List as `kubectl get -o json` prints it, one after another, from a text
// that comes in parts. Never more than one item is in memory. What the items mean is in
// cluster.ts.

import { jsonOf } from "../log.ts";
import { DocumentError } from "./frontends.ts";

/** Far more than etcd takes for one object. */
const MAX_ITEM = 16 << 20;
const QUOTE = 0x22;

/**
 * Calls `onItem` for every item of the List, or of several Lists one after another.
 * `read` returns the next part of the text, and "" at its end. Throws DocumentError for
 * what is no JSON, is no List, or ends early, and what `read` throws.
 */
export function readItems(
	read: () => string,
	onItem: (item: unknown) => void,
): void {
	const text = new Scanner(read);
	let isEmpty = true;
	for (; text.next() !== ""; isEmpty = false) {
		text.expect("{");
		let hasItems = false;
		for (let more = !text.takes("}"); more; more = text.goesOn("}")) {
			const key = text.value();
			text.expect(":");
			if (key !== "items" || text.next() !== "[") {
				text.value();
				continue;
			}
			hasItems = true;
			text.expect("[");
			for (let more = !text.takes("]"); more; more = text.goesOn("]"))
				onItem(text.value());
		}
		if (!hasItems)
			throw new DocumentError("no List of kubectl: it has no items");
	}
	if (isEmpty) throw new DocumentError("empty: did kubectl fail?");
}

/** The text from where it has been read. Offsets count from there, so that they stay right when more text comes. */
class Scanner {
	readonly #read: () => string;
	#text = "";
	#at = 0;
	/** What stands before `#at` on its line, if that is only space. */
	#indent: string | undefined;
	/** Returns false once an object did not end where its line promised. */
	#isIndented = true;

	constructor(read: () => string) {
		this.#read = read;
	}

	/** Skips space and returns the next character, or "" at the end. */
	next(): string {
		for (;;) {
			const c = this.#text[this.#at];
			if (c === undefined) {
				if (!this.#more()) return "";
			} else if (c !== " " && c !== "\n" && c !== "\r" && c !== "\t") {
				return c;
			} else {
				if (c === "\n") this.#indent = "";
				else if (this.#indent !== undefined) this.#indent += c;
				this.#at++;
			}
		}
	}

	/** Takes this character, and throws if it is another. */
	expect(want: string): void {
		const c = this.next();
		if (c === "") throw cutOff();
		if (c !== want)
			throw new DocumentError(
				`not JSON: ${jsonOf(c, 80)} in place of ${jsonOf(want, 80)}`,
			);
		this.#step(1);
	}

	/** Takes this character if it is the next one. */
	takes(want: string): boolean {
		const isNext = this.next() === want;
		if (isNext) this.#step(1);
		return isNext;
	}

	/** Takes a comma or the end of a list, and returns true for a comma. */
	goesOn(end: string): boolean {
		if (this.takes(",")) return true;
		this.expect(end);
		return false;
	}

	/** Takes a JSON value and returns it. */
	value(): unknown {
		const c = this.next();
		if (c === "") throw cutOff();
		return c === "{"
			? (this.#indented() ?? this.#scanned(c))
			: this.#scanned(c);
	}

	/**
	 * Takes an object that begins a line and is printed over several: it ends at the first
	 * `}` that begins a line with the same indent, which is found without a look at each
	 * character. JSON.parse proves it. Returns undefined if that fails.
	 */
	#indented(): unknown {
		const indent = this.#indent;
		if (!this.#isIndented || indent === undefined) return undefined;
		if (!/^\{\r?\n/.test(this.#slice(0, 3))) return undefined;
		const end = `\n${indent}}`;
		for (let from = 0; ; ) {
			const found = this.#text.indexOf(end, this.#at + from);
			if (found >= 0) {
				const n = found - this.#at + end.length;
				try {
					const value: unknown = JSON.parse(this.#slice(0, n));
					this.#step(n);
					return value;
				} catch {
					break;
				}
			}
			from = Math.max(0, this.#text.length - this.#at - end.length);
			if (!this.#more()) break;
		}
		this.#isIndented = false;
		return undefined;
	}

	/** Takes a value whose end is found by its brackets. */
	#scanned(first: string): unknown {
		const n =
			first === '"'
				? this.#stringEnd(0)
				: first === "{" || first === "["
					? this.#bracketEnd()
					: this.#wordEnd();
		const text = this.#slice(0, n);
		this.#step(n);
		try {
			return JSON.parse(text);
		} catch (e) {
			throw new DocumentError(`not JSON: ${(e as Error).message}`);
		}
	}

	#bracketEnd(): number {
		let i = 0;
		for (let depth = 0; ; ) {
			// locals, because one look at a field for each character costs as much as the rest
			const text = this.#text;
			const at = this.#at;
			for (; at + i < text.length; i++) {
				const c = text.charCodeAt(at + i);
				if (c === QUOTE) break;
				// { and [, } and ]: they differ in one bit
				if ((c | 0x20) === 0x7b) depth++;
				else if ((c | 0x20) === 0x7d && --depth === 0) return i + 1;
			}
			if (at + i < text.length) i = this.#stringEnd(i);
			else this.#need(i);
		}
	}

	/** Returns the offset after the string that begins at `i`. */
	#stringEnd(i: number): number {
		for (let from = i + 1; ; ) {
			const quote = this.#text.indexOf('"', this.#at + from) - this.#at;
			if (quote < 0) {
				from = this.#text.length - this.#at;
				this.#need(from);
				continue;
			}
			let slashes = 0;
			while (this.#text[this.#at + quote - 1 - slashes] === "\\") slashes++;
			if (slashes % 2 === 0) return quote + 1;
			from = quote + 1;
		}
	}

	#wordEnd(): number {
		let i = 0;
		while (/^[^\s,\]}]$/.test(this.#text[this.#at + i] ?? " ")) {
			i++;
			if (this.#at + i === this.#text.length) this.#more();
		}
		// what is no word is no JSON either
		return Math.max(1, i);
	}

	/** Reads until there is a character at the offset. Throws if the text ends before it. */
	#need(i: number): void {
		while (this.#at + i >= this.#text.length) if (!this.#more()) throw cutOff();
	}

	#slice(from: number, to: number): string {
		return this.#text.slice(this.#at + from, this.#at + to);
	}

	#step(n: number): void {
		this.#at += n;
		this.#indent = undefined;
	}

	/** Reads more, and drops what has been read. Returns false at the end. */
	#more(): boolean {
		const part = this.#read();
		if (part === "") return false;
		this.#text = this.#text.slice(this.#at) + part;
		this.#at = 0;
		if (this.#text.length > MAX_ITEM)
			throw new DocumentError(`an item of more than ${MAX_ITEM >> 20} MiB`);
		return true;
	}
}

function cutOff(): DocumentError {
	return new DocumentError("it ends early: did kubectl fail?");
}
