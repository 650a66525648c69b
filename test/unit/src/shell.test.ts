// Words as a shell takes them.

import { expect, test } from "vitest";
import { inQuotes, shellWord } from "../../../src/shell.ts";

test.each([
	["a-b_c.d/e:1,2=%", "a-b_c.d/e:1,2=%"],
	["[fd00::1]", "'[fd00::1]'"],
	["it's", "'it'\\''s'"],
	["", "''"],
])("the shell takes %j as %s", (word, want) =>
	expect(shellWord(word)).toBe(want),
);

test.each([
	["a b", "'a b'"],
	["plain", "'plain'"],
	["it's", "'it'\\''s'"],
])("%j in quotes is %s", (word, want) => expect(inQuotes(word)).toBe(want));
