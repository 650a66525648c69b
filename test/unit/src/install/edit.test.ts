// Our plugin items in the text of a conflist, by example and on every conflist of
// conflist-examples: what was put in can be taken out, to the byte.

import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parseConflist } from "../../../../src/install/conflist.ts";
import {
	type Arrangement,
	arrange,
	arrangementOf,
	isOurs,
	type Keys,
	without,
} from "../../../../src/install/edit.ts";

const PATH = "/etc/cni/net.d/10-net.conflist";

function arrangement(
	text: string,
	isCrio = false,
	keys: Keys = {},
): Arrangement {
	return arrangementOf(parseConflist(PATH, text), isCrio, keys);
}

function edited(text: string, isCrio = false, keys: Keys = {}): string {
	return arrange(PATH, text, arrangement(text, isCrio, keys));
}

const onOf = ({ on = "both" }: Keys): string => String(on);

/** Returns the types, ours by the verbs they act on: `bridge del portmap add`. */
function chain(text: string): string {
	return parseConflist(PATH, text)
		.plugins.map((p) => (isOurs(p) ? onOf(p.keys) : p.type))
		.join(" ");
}

const CAP = `"capabilities": { "portMappings": true }`;

describe("plugin items are laid out as their neighbours are", () => {
	test.each<[string, string, string]>([
		[
			"one line for each plugin",
			`{
  "name": "n",
  "plugins": [
    { "type": "bridge" },
    { "type": "portmap", ${CAP} }
  ]
}
`,
			`{
  "name": "n",
  "plugins": [
    { "type": "bridge" },
    { "type": "conntrack-flush", "on": "del", ${CAP} },
    { "type": "portmap", ${CAP} },
    { "type": "conntrack-flush", "on": "add", ${CAP} }
  ]
}
`,
		],
		[
			"one line for each key, with tabs, portmap in the middle",
			`{
	"name": "n",
	"plugins": [
		{
			"type": "portmap",
			"snat": true
		},
		{
			"type": "bandwidth"
		}
	]
}`,
			`{
	"name": "n",
	"plugins": [
		{
			"type": "conntrack-flush",
			"on": "del",
			${CAP}
		},
		{
			"type": "portmap",
			"snat": true
		},
		{
			"type": "conntrack-flush",
			"on": "add",
			${CAP}
		},
		{
			"type": "bandwidth"
		}
	]
}`,
		],
		[
			"no white space at all",
			`{"name":"n","plugins":[{"type":"bridge"},{"type":"portmap"}]}`,
			`{"name":"n","plugins":[{"type":"bridge"},{"type":"conntrack-flush","on":"del","capabilities":{"portMappings":true}},{"type":"portmap"},{"type":"conntrack-flush","on":"add","capabilities":{"portMappings":true}}]}`,
		],
		[
			"braces that touch",
			`{ "name": "n", "plugins": [{
    "type": "bridge"
  }, {
    "type": "portmap"
  }]
}`,
			`{ "name": "n", "plugins": [{
    "type": "bridge"
  }, {
    "type": "conntrack-flush",
    "on": "del",
    ${CAP}
  }, {
    "type": "portmap"
  }, {
    "type": "conntrack-flush",
    "on": "add",
    ${CAP}
  }]
}`,
		],
		[
			"lines that end in a carriage return",
			`{\r\n "name": "n",\r\n "plugins": [\r\n  {\r\n   "type": "portmap"\r\n  }\r\n ]\r\n}\r\n`,
			`{\r\n "name": "n",\r\n "plugins": [\r\n  {\r\n   "type": "conntrack-flush",\r\n   "on": "del",\r\n   ${CAP}\r\n  },\r\n  {\r\n   "type": "portmap"\r\n  },\r\n  {\r\n   "type": "conntrack-flush",\r\n   "on": "add",\r\n   ${CAP}\r\n  }\r\n ]\r\n}\r\n`,
		],
	])("%s", (_, before, after) => {
		expect(edited(before)).toBe(after);
		expect(edited(after)).toBe(after);
		expect(without(after)).toBe(before);
	});
});

describe("where plugin items stand", () => {
	const list = (...plugins: (string | Keys)[]): string =>
		JSON.stringify({
			name: "n",
			plugins: plugins.map((p) => (typeof p === "string" ? { type: p } : p)),
		});
	const ours = (on?: string, more: Keys = {}): Keys => ({
		type: "conntrack-flush",
		...(on !== undefined && { on }),
		capabilities: { portMappings: true },
		...more,
	});

	test.each<[string, string, string]>([
		["around portmap", list("bridge", "portmap"), "bridge del portmap add"],
		[
			"around the last portmap",
			list("portmap", "bridge", "portmap", "tuning"),
			"portmap bridge del portmap add tuning",
		],
		["at the end without a portmap", list("ptp", "tuning"), "ptp tuning both"],
		[
			"a single plugin item after portmap becomes two",
			list("bridge", "portmap", ours()),
			"bridge del portmap add",
		],
		[
			"the second of two is missing",
			list("bridge", ours("del"), "portmap"),
			"bridge del portmap add",
		],
		[
			"plugin items that are there twice",
			list(ours("del"), ours("del"), "portmap", ours("add"), ours("add")),
			"del portmap add",
		],
		[
			"plugin items the wrong way round",
			list("bridge", ours("add"), "portmap", ours("del")),
			"bridge del portmap add",
		],
		[
			"plugin items that a new portmap has parted",
			list(ours("del"), "portmap", "tuning", ours("add")),
			"del portmap add tuning",
		],
		[
			"plugin items left where portmap has gone",
			list("ptp", ours("del"), ours("add")),
			"ptp both",
		],
		[
			"a plugin item that does not get the mappings",
			list({ type: "conntrack-flush", on: "del" }, "portmap", ours("add")),
			"del portmap add",
		],
		[
			"a plugin item whose verbs are null, which every call refuses",
			list("ptp", { ...ours("both"), on: null }),
			"ptp both",
		],
	])("%s", (_, before, after) => {
		const text = edited(before);
		expect(chain(text)).toBe(after);
		expect(edited(text)).toBe(text);
		expect(
			parseConflist(PATH, text)
				.plugins.filter(isOurs)
				.map((p) => p.keys.capabilities),
		).toSatisfy((found: unknown[]) =>
			found.every((c) => JSON.stringify(c) === `{"portMappings":true}`),
		);
	});

	test.each<[string, Keys[], Keys, Keys]>([
		["the installer's", [], { protocols: ["udp"] }, { protocols: ["udp"] }],
		[
			"the user's, in a plugin item that moves",
			[ours("both", { logLevel: "debug" })],
			{},
			{ logLevel: "debug" },
		],
		[
			"both, the installer's first",
			[ours("both", { logLevel: "debug", protocols: ["tcp"] })],
			{ protocols: ["udp", "tcp"] },
			{ logLevel: "debug", protocols: ["udp", "tcp"] },
		],
	])("both plugin items have the keys: %s", (_, own, given, want) => {
		const text = edited(list("bridge", "portmap", ...own), false, given);
		for (const p of parseConflist(PATH, text).plugins.filter(isOurs))
			expect(p.keys).toMatchObject(want);
		expect(edited(text)).toBe(text);
	});

	test("keys that the user adds later stay", () => {
		const text = list(
			ours("del", { logFile: "/x" }),
			"portmap",
			ours("add", { logFile: "/x" }),
		);
		expect(edited(text)).toBe(text);
	});

	test.each<[string, string, boolean]>([
		["CRI-O, which names no ports", list("bridge", "portmap"), true],
		[
			"a plugin item that says so",
			list("bridge", "portmap", ours("both", { scope: "pod" })),
			false,
		],
	])(
		"a single plugin item that goes by the pod's address: %s",
		(_, before, isCrio) => {
			const text = edited(before, isCrio);
			expect(chain(text)).toBe("bridge portmap both");
			expect(parseConflist(PATH, text).plugins.at(-1)?.keys).toMatchObject({
				scope: "pod",
				retireSeconds: 0,
			});
			expect(edited(text, isCrio)).toBe(text);
		},
	);
});

describe("what was put in can be taken out, to the byte", () => {
	const EXAMPLES = new URL("../../../../conflist-examples/", import.meta.url);
	const shipped = readdirSync(EXAMPLES)
		.filter((name) => name.endsWith(".conflist"))
		.map((name): [string, string] => {
			const text = readFileSync(new URL(name, EXAMPLES), "utf8");
			return [name, without(text)];
		});
	test.each(shipped)("%s", (_, text) => {
		expect(text).not.toContain("conntrack-flush");
		for (const isCrio of [false, true]) {
			const after = edited(text, isCrio, { protocols: ["udp", "tcp"] });
			expect(after).toContain("conntrack-flush");
			expect(without(after)).toBe(text);
		}
	});

	// unusual white space in every place around the plugins
	const layouts = ["", " ", "\n", "\n\t", "\r\n    ", " \n\n  "];
	test("with any gaps", () => {
		for (const a of layouts)
			for (const b of layouts)
				for (const c of layouts) {
					const text = `{${a}"name":${b}"n",${c}"plugins":${a}[${b}{${c}"type":"bridge","x":"]},{"${a}}${b},${c}{${a}"type"${b}:"portmap"${c}}${a}]${b},"z":1e300${c}}${a}`;
					const after = edited(text);
					expect(chain(after)).toBe("bridge del portmap add");
					expect(without(after)).toBe(text);
				}
	});
});

test("of plugins that are there twice the last holds, as for libcni", () => {
	const text = `{"name":"n","plugins":[{"type":"a"}],"plugins":[{"type":"portmap"}]}`;
	expect(edited(text)).toMatch(
		/^\{"name":"n","plugins":\[\{"type":"a"\}\],"plugins":\[\{"type":"conntrack-flush"/,
	);
});

test("a list of nothing but plugin items of ours is refused", () => {
	const text = `{"name":"n","plugins":[{"type":"conntrack-flush"}]}`;
	expect(() => edited(text)).toThrow(/nothing but conntrack-flush\n/);
});
