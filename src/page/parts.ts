// The two forms that the page is made of: a section under a heading, and a table whose rows
// are cards on a narrow screen.

import { type Html, html } from "./html.ts";

/** Returns a section that is a landmark with the name of its heading. */
export function section(id: string, heading: string, content: Html): Html {
	return html`<section aria-labelledby="${id}">
<h2 id="${id}">${heading}</h2>
${content}
</section>
`;
}

/** Returns a table. A heading that begins with `#` is one of numbers. */
export function cards(
	headings: readonly string[],
	rows: readonly Html[],
): Html {
	return html`<table class="cards">
<thead><tr>${headings.map((h) => html`<th scope="col"${h.startsWith("#") && asNumber}>${h.replace("#", "")}</th>`)}</tr></thead>
<tbody>
${rows}</tbody>
</table>
`;
}

const asNumber = html` class="n"`;

/** Returns the cell of a number. On a narrow screen the heading stands beside it. */
export function numberCell(heading: string, n: number, style = ""): Html {
	return html`<td class="n ${style}" data-label="${heading}">${n}</td>`;
}
