// What doctor has found, on the page.

import { expect, test } from "vitest";
import { fail, ok } from "../../../../src/doctor/finding.ts";
import { findingsSection } from "../../../../src/page/findings.ts";
import { EPOCH } from "../../../support/fakehost.ts";
import { textOf } from "../../../support/unit/pages.ts";

test("each with its advice, and when it was found", () => {
	const findings = [ok("table fill", "3 of 9"), fail("<u>", "<i>", "rm <s>")];
	const { html } = findingsSection({ at: EPOCH, findings });
	expect(html).not.toMatch(/<[uis]>/);
	const text = textOf(html);
	expect(text).toContain("It looked at 2023-11-14 22:13:20 UTC");
	expect(text).toContain("ok table fill: 3 of 9 fail <u>: <i> rm <s>");
});

test("none yet", () =>
	expect(textOf(findingsSection(undefined).html)).toContain(
		"It has not looked yet.",
	));
