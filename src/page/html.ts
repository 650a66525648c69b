// Text and HTML, kept apart by their types: whatever is put into HTML is escaped, unless it
// is HTML already. So no name from outside can become an element.

/** A piece of HTML. Only the functions of this file make one. */
export interface Html {
	readonly html: string;
}

/** What may stand in a template. `undefined` and false are nothing. */
type Part = string | number | Html | readonly Html[] | undefined | false;

const ESCAPED: Readonly<Record<string, string>> = {
	"&": "&amp;",
	"<": "&lt;",
	">": "&gt;",
	'"': "&quot;",
	"'": "&#39;",
};

/** Returns the text as HTML shows it. Characters that change what a reader sees, such as a change of direction, become `?`, and so does all else that is no ASCII. */
export function escapeHtml(text: string): string {
	return text
		.replace(/[^ -~\n]/g, "?")
		.replace(/[&<>"']/g, (c) => ESCAPED[c] ?? c);
}

/** The tag of a template: `html`<td>${name}</td>``. Attributes in it must be in double quotes. */
export function html(
	texts: TemplateStringsArray,
	...parts: readonly Part[]
): Html {
	return {
		html: texts.reduce((all, text, i) => all + htmlOf(parts[i - 1]) + text, ""),
	};
}

/** Returns a constant of ours as it is: a style or a script, in which nothing may be escaped. */
export function asIs(text: string): Html {
	return { html: text };
}

function htmlOf(part: Part): string {
	if (part === undefined || part === false) return "";
	if (typeof part === "string") return escapeHtml(part);
	if (typeof part === "number") return String(part);
	if ("html" in part) return part.html;
	return part.map((p) => p.html).join("");
}
