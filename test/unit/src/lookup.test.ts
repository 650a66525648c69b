// Tables that are indexed by a word which somebody typed.

import { expect, test } from "vitest";
import { own } from "../../../src/lookup.ts";

const TABLE = { list: 1, flush: 0, undefined: 2 };

test.each([
	["list", 1],
	["flush", 0],
	["undefined", 2],
	["List", undefined],
	["", undefined],
	["constructor", undefined],
	["toString", undefined],
	["__proto__", undefined],
	["hasOwnProperty", undefined],
])("%j is %s", (key, want) => expect(own<number>(TABLE, key)).toBe(want));
