// parseConflist: it refuses what libcni would not load as a list. And the names of
// files that count as configurations.

import { describe, expect, test } from "vitest";
import {
	confNames,
	isRenamed,
	itemsIn,
	ownName,
	parseConflist,
} from "../../../../src/install/conflist.ts";

const PATH = "/etc/cni/net.d/10-net.conflist";

describe("refused, with what to do instead", () => {
	test.each<[string, string, RegExp]>([
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
		["plugins that are null", `{"name":"n","plugins":null}`, /no list/],
		[
			"no plugins, and no drop-ins either",
			`{"name":"n","loadOnlyInlinedPlugins":true}`,
			/plugins is no list/,
		],
		[
			"plugins of another kind",
			`{"name":"n","plugins":{"type":"a"}}`,
			/plugins is no list/,
		],
		["no plugin", `{"name":"n","plugins":[]}`, /plugins is empty/],
		[
			"a plugin without a type",
			`{"name":"n","plugins":[{}]}`,
			/plugin 1: no type/,
		],
		[
			"a plugin that is null",
			`{"name":"n","plugins":[null]}`,
			/plugin 1: no type/,
		],
		[
			"a plugin that is a word",
			`{"name":"n","plugins":["a"]}`,
			/plugin 1: no object/,
		],
		...(
			[
				[`"cniVersion":1.0`, /cniVersion is no string/],
				[`"cniVersion":null`, /cniVersion is no string/],
				[`"cniVersions":"1.0.0"`, /cniVersions is no list/],
				[`"cniVersions":["1.0.0",1]`, /something that is no string/],
				[`"disableCheck":"yes"`, /disableCheck is neither true nor false/],
				[`"disableCheck":1`, /disableCheck is neither/],
				[`"disableGC":null`, /disableGC is neither/],
				[`"loadOnlyInlinedPlugins":"no"`, /loadOnlyInlinedPlugins is neither/],
				[`"mtu":1E400`, /a number is too large/],
			] as const
		).map(([member, why]): [string, string, RegExp] => [
			member,
			`{"name":"n",${member},"plugins":[{"type":"a"}]}`,
			why,
		]),
		[
			"more levels than Go takes",
			`{"name":"n","plugins":[{"type":"a","x":${"[".repeat(9999)}${"]".repeat(9999)}}]}`,
			/nested too deeply/,
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
	[`"FALSE"`, false],
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

test("a list without plugins is one: its plugins are drop-ins", () => {
	expect(parseConflist(PATH, `{"name":"n"}`)).toMatchObject({
		name: "n",
		plugins: [],
	});
});

test("the keys that libcni decodes may be in any case", () => {
	const text = `{"name":"n","plugins":[{"Type":"portmap","CAPABILITIES":{"portMappings":true}}]}`;
	expect(parseConflist(PATH, text).plugins).toMatchObject([
		{ type: "portmap", capabilities: { portMappings: true } },
	]);
});

test.each<[string, string, string[]]>([
	[
		"whatever else is wrong",
		`{"plugins":[{"type":"a","mtu":1E400},7]}`,
		["a", ""],
	],
	["none in half a file", `{"plugins":[{"type":"a"}`, []],
	["none if it is no list", `{"plugins":{"type":"a"}}`, []],
	["none in a list", `[{"type":"a"}]`, []],
])("the items of a text: %s", (_, text, types) => {
	expect(itemsIn(text).map(({ type }) => type)).toEqual(types);
});
