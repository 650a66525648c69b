// Values that came from outside as JSON.

import { expect, test } from "vitest";
import { isObject } from "../../../src/objects.ts";

test.each<[unknown, boolean]>([
	[{}, true],
	[{ a: 1 }, true],
	[JSON.parse('{"__proto__":null}'), true],
	[[], false],
	[[{}], false],
	[null, false],
	[undefined, false],
	[7, false],
	["{}", false],
	[true, false],
])("%j is an object: %s", (x, want) => expect(isObject(x)).toBe(want));
