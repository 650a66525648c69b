// The style and the script of the page are those that its policy lets in.

import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import {
	SCRIPT,
	SCRIPT_HASH,
	STYLE,
	STYLE_HASH,
} from "../../../../src/page/style.ts";

test.each([
	["style", STYLE, STYLE_HASH],
	["script", SCRIPT, SCRIPT_HASH],
])("the hash of the %s is that of its text", (_, text, hash) => {
	expect(createHash("sha256").update(text).digest("base64")).toBe(hash);
	// or the HTML would end there
	expect(text).not.toContain("</");
});
