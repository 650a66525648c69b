// What is a list that libcni would load, and what is not.

import { describe, expect, test } from "vitest";
import { parseConflist } from "../../../../src/install/conflist.ts";

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
