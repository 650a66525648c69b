// The elements of an array in a text are those that JSON.parse finds.

import { expect, test } from "vitest";
import { elementsOf } from "../../../../src/install/spans.ts";

const found = (text: string): string[] | undefined =>
	elementsOf(text, "a")?.map(({ from, to }) => text.slice(from, to));

test.each<[string, string, string[] | undefined]>([
	["none", `{"a":[]}`, []],
	["none, with white space", `{ "a" : [ \n ] }`, []],
	[
		"one of each kind",
		`{"a":[{},[],"x",1e3,true,null]}`,
		["{}", "[]", `"x"`, "1e3", "true", "null"],
	],
	[
		"white space around each",
		`{"a": [\n\t{"b": 1} ,\r\n [2, 3] \n]}`,
		[`{"b": 1}`, "[2, 3]"],
	],
	[
		"what looks like an end, in a string",
		`{"a":["]","\\"],","\\\\"],"b":[1]}`,
		[`"]"`, `"\\"],"`, `"\\\\"`],
	],
	[
		"arrays of that name elsewhere",
		`{"b":{"a":[1]},"c":[{"a":[2]}],"a":[3]}`,
		["3"],
	],
	["the name as a value", `{"b":"a","c":["a"],"a":[1]}`, ["1"]],
	["the name in escapes", `{"\\u0061":[1]}`, ["1"]],
	["twice: the last", `{"a":[1],"a":[2,3]}`, ["2", "3"]],
	["twice, the last no array", `{"a":[1],"a":2}`, undefined],
	["an object", `{"a":{"a":[1]}}`, undefined],
	["a string", `{"a":"[1]"}`, undefined],
	["absent", `{"b":[1]}`, undefined],
	["what follows is not taken for more", `{"a":[1],"b":[2,3]}`, ["1"]],
])("%s", (_, text, want) => {
	expect(found(text)).toEqual(want);
	const value: unknown = JSON.parse(text).a;
	expect(found(text)?.map((t) => JSON.parse(t))).toEqual(
		Array.isArray(value) ? value : undefined,
	);
});
