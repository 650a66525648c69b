// Parts of a JSON document as they were written, in documents of any shape.

import { isDeepStrictEqual } from "node:util";
import { describe, expect, test } from "vitest";
import { elementSpans, memberSpan } from "../../../src/rawjson.ts";
import { type Random, random } from "../../support/random.ts";

function textOf(text: string, name: string): string | undefined {
	const span = memberSpan(text, name);
	return span && text.slice(span.from, span.to);
}

describe("memberSpan", () => {
	test.each([
		[
			"the text as it was written",
			'{"x":{"b": 1,\t"a" : [1.0, 1e2]}}',
			'{"b": 1,\t"a" : [1.0, 1e2]}',
		],
		["without white space around it", '{ "x" \n:\r\n\t {} \n, "y":1}', "{}"],
		["first", '{"x":1,"y":2}', "1"],
		["in the middle", '{"a":1,"x":2,"b":3}', "2"],
		["last", '{"a":1,"x":2}', "2"],
		["the last of two, as JSON.parse takes it", '{"x":1,"x":2}', "2"],
		[
			"the last of two, whatever stands between",
			'{"x":{"x":1},"y":"x","x":[]}',
			"[]",
		],
		["not one of a nested object", '{"a":{"x":1},"x":2}', "2"],
		["not one of an object in an array", '{"a":[{"x":1},{"x":3}]}', undefined],
		[
			"not a string that reads like a key",
			'{"a":"x","b":"\\"x\\":1"}',
			undefined,
		],
		["not a longer key", '{"xx":1,"x ":2,"X":3}', undefined],
		["under a key with escapes", '{"\\u0078":1}', "1"],
		["after a key that ends in a backslash", '{"a\\\\":"\\\\","x":1}', "1"],
		["after braces and quotes in strings", '{"a":"}\\"{[,:","x":1}', "1"],
		[
			"with braces and quotes in its own strings",
			'{"x":{"a":"}],\\"{"},"b":1}',
			'{"a":"}],\\"{"}',
		],
		[
			"a string with everything in it",
			'{"x":"a,b:c}d]\\\\\\"e","y":1}',
			'"a,b:c}d]\\\\\\"e"',
		],
		["an empty string", '{"x":"","y":1}', '""'],
		[
			"a number that JavaScript cannot hold",
			'{"x":12345678901234567890123}',
			"12345678901234567890123",
		],
		[
			"a number that JavaScript rounds to the one that stands in a string",
			'{"a":"x","x":9007199254740993}',
			"9007199254740993",
		],
		["integer keys in their order", '{"x":{"2":0,"1":0}}', '{"2":0,"1":0}'],
		["a key that is there twice", '{"x":{"a":1,"a":2}}', '{"a":1,"a":2}'],
		["a fraction of nothing", '{"x":[1.0]}', "[1.0]"],
		[
			"the member and not its like under another's escaped key",
			'{"a":{"x":[1]},"\\u0078":[1.0]}',
			"[1.0]",
		],
		["null", '{"x":null}', "null"],
		["nothing in an empty object", "{}", undefined],
		["nothing in an empty object with a space", "{ }", undefined],
		[
			"deeply nested arrays",
			`{"x":${"[".repeat(500)}${"]".repeat(500)}}`,
			"[".repeat(500) + "]".repeat(500),
		],
	])("gives %s", (_, text, want) => expect(textOf(text, "x")).toBe(want));

	test.each([
		"",
		" ",
		"a b",
		'"',
		"\\",
		"prevResult",
		"__proto__",
		"größe",
		"\u2028",
	])("finds a member called %j", (name) => {
		const text = `{"y":0,${JSON.stringify(name)}: [1] }`;
		expect(textOf(text, name)).toBe("[1]");
	});

	test("takes no longer than the text is long", () => {
		const text = `{"a":"${'\\\\\\"'.repeat(200_000)}","x":1}`;
		const begun = performance.now();
		expect(textOf(text, "x")).toBe("1");
		expect(performance.now() - begun).toBeLessThan(2000);
	});
});

const KEYS = ["x", "prevResult", "", "a\\b", 'a"b', "{", "}", ":", ","];

function space(r: Random): string {
	return r.chance(0.7)
		? ""
		: Array.from({ length: 1 + r.below(3) }, () =>
				r.pick([" ", "\n", "\t", "\r"]),
			).join("");
}

/** A string in any of the ways in which JSON can spell it. */
function spelled(r: Random, text: string): string {
	const escaped = (c: string): string => {
		const code = c.charCodeAt(0).toString(16).padStart(4, "0");
		if (r.chance(0.2)) return `\\u${r.chance(0.5) ? code : code.toUpperCase()}`;
		return c === "/" && r.chance(0.5) ? "\\/" : JSON.stringify(c).slice(1, -1);
	};
	return `"${Array.from(text, (c) => (c.length === 1 ? escaped(c) : c)).join("")}"`;
}

function randomText(r: Random): string {
	const parts = [
		"x",
		'"',
		"\\",
		"{",
		"}",
		"[",
		"]",
		",",
		":",
		"\n",
		"é",
		"😀",
		'"x":1',
		"\\u0078",
		"/",
	];
	return Array.from({ length: r.below(6) }, () => r.pick(parts)).join("");
}

function scalar(r: Random): string {
	return r.pick([
		() => spelled(r, randomText(r)),
		() => spelled(r, randomText(r)),
		() =>
			r.pick([
				"0",
				"-0",
				"1.50",
				"-1E+2",
				"1e999",
				"9007199254740993",
				"12345678901234567890",
			]),
		() => r.pick(["true", "false", "null"]),
	])();
}

function value(r: Random, depth: number): string {
	if (depth === 0 || r.chance(0.4)) return scalar(r);
	const inner = Array.from({ length: r.below(4) }, () => value(r, depth - 1));
	if (r.chance(0.5))
		return `[${space(r)}${inner.map((v) => space(r) + v + space(r)).join(",")}]`;
	return object(
		r,
		inner.map((v) => [r.pick(KEYS), v]),
	);
}

function object(
	r: Random,
	members: readonly (readonly [string, string])[],
): string {
	const texts = members.map(([key, v]) =>
		[space(r), spelled(r, key), space(r), ":", space(r), v, space(r)].join(""),
	);
	return `{${space(r)}${texts.join(",")}}`;
}

test("in any document, the member is found that JSON.parse finds, with its very text", () => {
	const r = random(8259);
	let found = 0;
	for (let n = 0; n < 2000; n++) {
		const members = Array.from(
			{ length: r.below(6) },
			() => [r.pick(KEYS), value(r, 3)] as const,
		);
		const text = space(r) + object(r, members) + space(r);
		const parsed = JSON.parse(text) as Record<string, unknown>;
		for (const key of KEYS) {
			const want = members.findLast(([k]) => k === key)?.[1];
			const got = textOf(text, key);
			if (got !== want) expect.fail(`${key} of ${text}: ${got}, not ${want}`);
			if (got === undefined) continue;
			found++;
			if (!isDeepStrictEqual(JSON.parse(got), parsed[key]))
				expect.fail(`${key} of ${text}`);
		}
	}
	expect(found).toBeGreaterThan(2000);
});

describe("elementSpans", () => {
	const found = (text: string): string[] | undefined =>
		elementSpans(text, "a")?.map(({ from, to }) => text.slice(from, to));

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
});
