// The forms of the page.

import { expect, test } from "vitest";
import { html } from "../../../../src/page/html.ts";
import { cards, numberCell, section } from "../../../../src/page/parts.ts";

test("a section is named by its heading", () =>
	expect(section("a", "A & B", html`<p>x</p>`).html).toBe(
		'<section aria-labelledby="a">\n<h2 id="a">A &amp; B</h2>\n<p>x</p>\n</section>\n',
	));

test("a table has a heading for each column, and those of numbers stand at the right", () =>
	expect(cards(["Who", "#Entries"], [html`<tr></tr>`]).html).toContain(
		'<thead><tr><th scope="col">Who</th><th scope="col" class="n">Entries</th></tr></thead>\n<tbody>\n<tr></tr></tbody>',
	));

test("the cell of a number knows its heading, for where the headings are not seen", () =>
	expect(numberCell("Stale", 2, "fail").html).toBe(
		'<td class="n fail" data-label="Stale">2</td>',
	));
