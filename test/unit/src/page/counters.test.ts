// The section of the table: fill, counters and lines.

import { expect, test } from "vitest";
import { countersSection } from "../../../../src/page/counters.ts";
import { newLastHours, noteLastHours } from "../../../../src/page/history.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { emptyHours, statistics, textOf } from "../../../support/unit/pages.ts";

test("the fill, and a row for each counter that is not 0", () => {
	const host = fakeHost();
	const history = newLastHours(host);
	for (const [entries, drop] of [
		[2, 5],
		[12, 8],
	] as const)
		noteLastHours(history, host, statistics(entries, { drop }), new Map());
	const html = countersSection(statistics(12, { drop: 8 }), history).html;
	const text = textOf(html);
	expect(text).toContain("12 of 1000 entries (1.2 %)");
	expect(text).toContain(
		"drop Packets dropped because their entry could not be made. 3 8",
	);
	expect(html).toContain('aria-label="drop: 3 lately"');
	expect(html).toContain('aria-label="12 entries"');
	// a kernel that lacks the others
	expect(text).toContain("since the network namespace was made: insert.");
});

test("a table that is nearly full is a fault", () =>
	expect(countersSection(statistics(900), emptyHours()).html).toContain(
		'<strong class="fail">900 of 1000 entries (90.0 %)</strong>',
	));

test("no kernel to ask", () =>
	expect(textOf(countersSection(undefined, emptyHours()).html)).toBe(
		"The table The kernel could not be asked.",
	));
