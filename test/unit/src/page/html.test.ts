// Text that becomes HTML: none of it is obeyed.

import { expect, test } from "vitest";
import { asIs, escapeHtml, html } from "../../../../src/page/html.ts";

test.each([
	["an element", "<script>alert(1)</script>"],
	["the end of an attribute", `" onload="alert(1)`],
	["the end of one in single quotes", "' onload='alert(1)"],
	["an entity", "&lt;b&gt;"],
])("text keeps no character that means something: %s", (_, text) => {
	const shown = html`<td title="${text}">${text}</td>`.html;
	const [, attribute, content] =
		/^<td title="([^"<>]*)">([^"<>]*)<\/td>$/.exec(shown) ?? [];
	expect(attribute).toBe(escapeHtml(text));
	expect(content).toBe(attribute);
	expect(content).not.toMatch(/['"<>]|&(?!(amp|lt|gt|quot|#39);)/);
});

test("a change of direction, a control character and what is no ASCII are shown as ?", () =>
	expect(escapeHtml("a\u202eb\u0000c\u001b[2Jd\u00e9\n")).toBe(
		"a?b?c?[2Jd?\n",
	));

test("HTML in HTML stays, and lists are joined", () => {
	const rows = ["<a>", "b"].map((text) => html`<li>${text}</li>`);
	expect(html`<ul>${rows}</ul>${asIs("<br>")}`.html).toBe(
		"<ul><li>&lt;a&gt;</li><li>b</li></ul><br>",
	);
});

test("what is not there is nothing", () =>
	expect(html`<p>${undefined}${false}${[]}${0}</p>`.html).toBe("<p>0</p>"));
