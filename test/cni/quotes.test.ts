// The quotes in docs/cni.md are what the specification says, word for word.

import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { tool, version } from "../support/runtimes/tools.ts";

const spec = plain(
	readFileSync(tool(`spec-${version("CNI")}/SPEC.md`), "utf8"),
);
const [prose = ""] = readFileSync("docs/cni.md", "utf8").split("## Tables");
/** The quotes stand between straight quotes; those of the quoted text are escaped. */
const quotes = [...prose.matchAll(/(?<!\\)"(.+?)(?<!\\)"/g)].map(
	([, quote = ""]) => quote.replaceAll('\\"', '"'),
);

function plain(text: string): string {
	return text.replace(/\s+/g, " ");
}

test("it is the specification", () => {
	expect(spec).toContain("# Container Network Interface (CNI) Specification");
	expect(quotes.length).toBeGreaterThan(20);
});

test.each(quotes)("the specification says: %s", (quote) =>
	expect(spec).toContain(plain(quote)),
);
