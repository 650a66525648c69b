// parseConflist: it refuses what libcni would not load as a list. And the names of
// files that count as configurations.

import { describe, expect, test } from "vitest";
import {
	confNames,
	isMultus,
	isRenamed,
	ownName,
	parseConflist,
} from "../../../../src/install/conflist.ts";

const PATH = "/etc/cni/net.d/10-net.conflist";

describe("refused, with what to do instead", () => {
	test.each<[string, string, RegExp]>([
		[
			"a single plugin",
			`{"name":"n","type":"ptp"}`,
			/single plugin ptp\n.*conflist/,
		],
		["nothing", "", /not JSON/],
		["half a file", `{"name":"n","plugins":[{"ty`, /not JSON/],
		["a comment", `{"name":"n", // x\n"plugins":[]}`, /not JSON/],
		["a comma too many", `{"name":"n","plugins":[{"type":"a"},]}`, /not JSON/],
		[
			"a byte order mark",
			`\uFEFF{"name":"n","plugins":[{"type":"a"}]}`,
			/not JSON/,
		],
		["a list", `[{"name":"n"}]`, /not a JSON object/],
		["no name", `{"plugins":[{"type":"a"}]}`, /no name/],
		["no plugins", `{"name":"n"}`, /plugins is not a list/],
		[
			"plugins of another kind",
			`{"name":"n","plugins":{"type":"a"}}`,
			/not a list/,
		],
		["no plugin", `{"name":"n","plugins":[]}`, /plugins is empty/],
		[
			"a plugin without a type",
			`{"name":"n","plugins":[{}]}`,
			/plugin 0 has no type/,
		],
		[
			"a plugin that is null",
			`{"name":"n","plugins":[null]}`,
			/plugin 0 has no type/,
		],
	])("%s", (_, text, message) => {
		expect(() => parseConflist(PATH, text)).toThrow(message);
	});
});

test("the plugin items are in the order of the list, with their keys and their place in the text", () => {
	const text = `{"name":"n","plugins":[{"type":"a"}, {"type":"b","on":"del"}]}`;
	const { name, plugins } = parseConflist(PATH, text);
	expect(name).toBe("n");
	expect(plugins.map(({ keys }) => keys)).toEqual([
		{ type: "a" },
		{ type: "b", on: "del" },
	]);
	expect(plugins.map(({ from, to }) => text.slice(from, to))).toEqual([
		`{"type":"a"}`,
		`{"type":"b","on":"del"}`,
	]);
});

test.each([
	["true", true],
	[`"True"`, true],
	["false", false],
	["1", false],
])("loadOnlyInlinedPlugins %s: no drop-ins is %s", (value, want) => {
	const text = `{"name":"n","loadOnlyInlinedPlugins":${value},"plugins":[{"type":"a"}]}`;
	expect(parseConflist(PATH, text).onlyInlined).toBe(want);
});

test("libcni reads three endings, in the order of the names", () => {
	const names = ["b.conf", "a.json", "README", "c.conflist", "a.conflist.bak"];
	expect(confNames(names)).toEqual(["a.json", "b.conf", "c.conflist"]);
});

test.each([
	["10-net.conflist.cilium_bak", true, "10-net.conflist"],
	["10-net.conflist", false, "10-net.conflist"],
])("%s: renamed by Cilium is %s", (name, renamed, own) => {
	expect([isRenamed(name), ownName(name)]).toEqual([renamed, own]);
});

test.each([
	["its own configuration", `{"name":"m","type":"multus"}`, true],
	["that of its thin form", `{"name":"m","type":"multus-shim"}`, true],
	["a list that begins with it", `{"plugins":[{"type":"multus"}]}`, true],
	[
		"a list that it comes in later",
		`{"plugins":[{"type":"a"},{"type":"multus"}]}`,
		false,
	],
	["a list of nothing", `{"plugins":[]}`, false],
])("Multus: %s", (_, text, want) => {
	expect(isMultus(PATH, text)).toBe(want);
});
