// JSON where Go's decoder and JSON.parse differ.

import { describe, expect, test } from "vitest";
import {
	fieldOf,
	fold,
	membersIn,
	membersOf,
	parseObject,
	Unloadable,
} from "../../../../src/install/gojson.ts";

const nested = (levels: number): string =>
	`{"x":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;

describe("not an object that Go decodes", () => {
	test.each([
		["nothing", "", "not JSON"],
		["a list", "[]", "not a JSON object"],
		["null", "null", "not a JSON object"],
		["a number beyond a double", `{"x":[1E400]}`, "a number is too large"],
		[
			"in a key that comes again",
			`{"x":-1e999,"x":1}`,
			"a number is too large",
		],
		["of 310 digits", `{"x":${"9".repeat(310)}}`, "a number is too large"],
		["half of very many levels", '{"a":'.repeat(20_000), "nested too deeply"],
		["more levels than 10 000", nested(10_001), "nested too deeply"],
	])("%s", (_, text, why) => {
		expect(() => parseObject(text)).toThrow(new Unloadable(why));
	});

	test.each([
		["as many levels as Go takes", nested(10_000)],
		["a number that is none any more", `{"x":1e-400}`],
		["a number of 308 digits", `{"x":${"9".repeat(308)}}`],
		["such a number in a string", `{"x":"1E400 \\" 1E400 ${"9".repeat(999)}"}`],
		["many numbers", `{"x":[${"1234567,".repeat(1000)}1]}`],
		["many lists", `{"x":[${"[],".repeat(20_000)}[]]}`],
		["the last of two equal keys", `{"x":[],"x":1}`],
	])("but one is: %s", (_, text) => {
		expect(parseObject(text)).toHaveProperty("x");
	});
});

test("the members of a struct are in the order of the text, equal keys too", () => {
	expect(membersIn(` {"b":1,"a":{"c":[2]},"b":null} `)).toEqual([
		["b", 1],
		["a", { c: [2] }],
		["b", null],
	]);
	expect(membersIn("{}")).toEqual([]);
	expect(() => membersIn("[]")).toThrow("not a JSON object");
});

test("those of a map are in the order of the keys", () => {
	expect(membersOf({ type: 1, Type: 2, a: 3 })).toEqual([
		["Type", 2],
		["a", 3],
		["type", 1],
	]);
});

test.each([
	["TYPE", "type"],
	["capabilitie\u017f", "capabilities"],
	["\u212aind", "kind"],
	["\u0131pam", "\u0131pam"],
])("%s is %s to Go", (key, name) => expect(fold(key)).toBe(name));

test("a field is the last member that is not null", () => {
	const members = membersOf({ NAME: "a", name: null, Name: "b" });
	expect(fieldOf(members, "name")).toEqual(["Name", "b"]);
	expect(fieldOf(members, "type")).toBeUndefined();
});
