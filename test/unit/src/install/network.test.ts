// A configuration with the drop-ins that libcni appends.

import { describe, expect, test } from "vitest";
import { parseConflist } from "../../../../src/install/conflist.ts";
import {
	dropInOf,
	isNetworkName,
	keysOf,
	loadNetwork,
	parseSingle,
} from "../../../../src/install/network.ts";
import { Invalid, Refusal } from "../../../../src/install/refusal.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { CONF, DROP_IN, FILE, LIST } from "../../../support/unit/installing.ts";

const load = (
	files: Readonly<Record<string, string>>,
	path = FILE,
	readsDropIns = true,
) => loadNetwork(fakeHost({ files }), path, readsDropIns);
const typesOf = (network: ReturnType<typeof load>) =>
	network?.plugins.map(({ type }) => type);
const TUNING = `{"type":"tuning"}`;

describe("the plugins of a network", () => {
	test.each<[string, Record<string, string>, boolean, string[]]>([
		["are those of the list", {}, true, ["bridge", "portmap"]],
		[
			"and its drop-ins in the order of their names",
			{
				[`${CONF}/n/20.conf`]: TUNING,
				[`${CONF}/n/10.conf`]: `{"Type":"firewall"}`,
			},
			true,
			["bridge", "portmap", "firewall", "tuning"],
		],
		[
			"and nothing of other names or in directories",
			{
				[`${CONF}/n/10.conflist`]: "{",
				[`${CONF}/n/20.conf/x`]: "{",
				[`${CONF}/m/30.conf`]: TUNING,
			},
			true,
			["bridge", "portmap"],
		],
		[
			"and no drop-ins for an old libcni",
			{ [`${CONF}/n/10.conf`]: TUNING },
			false,
			["bridge", "portmap"],
		],
		[
			"nor where the list forbids them",
			{
				[FILE]: LIST.replace("{", `{"loadOnlyInlinedPlugins":true,`),
				[`${CONF}/n/10.conf`]: "{",
			},
			true,
			["bridge", "portmap"],
		],
		[
			"are all drop-ins if the list has none",
			{ [FILE]: `{"name":"n"}`, [`${CONF}/n/10.conf`]: TUNING },
			true,
			["tuning"],
		],
		[
			"without our drop-in if that is broken: it is written anew",
			{ [DROP_IN]: "{" },
			true,
			["bridge", "portmap"],
		],
	])("%s", (_, files, readsDropIns, types) => {
		const network = load({ [FILE]: LIST, ...files }, FILE, readsDropIns);
		expect(typesOf(network)).toEqual(types);
		expect(network?.failing).toBeUndefined();
	});

	test("may be a single one", () => {
		const path = `${CONF}/10.conf`;
		const network = load({ [path]: `{"name":"n","type":"ptp"}` }, path);
		expect([network?.list, typesOf(network)]).toEqual([undefined, ["ptp"]]);
	});

	test("are none if the file is gone", () => {
		expect(load({})).toBeUndefined();
	});
});

describe("libcni does not load", () => {
	test.each<[string, Record<string, string>, RegExp]>([
		[
			"a list with a drop-in without a type",
			{ [FILE]: LIST, [`${CONF}/n/10.conf`]: "{}" },
			/n\/10\.conf is no network configuration: no type/,
		],
		[
			"a list beside a file with the network's name",
			{ [FILE]: LIST, [`${CONF}/n`]: "" },
			/drop-ins cannot be read: .*\/n is a file/,
		],
		["a list without any plugin", { [FILE]: `{"name":"n"}` }, /no plugins/],
		[
			"a single plugin as a list",
			{ [FILE]: `{"name":"n","type":"ptp"}` },
			/single plugin ptp, and no list/,
		],
		[
			"a name that is no directory's",
			{ [FILE]: LIST.replace(`"n"`, `"${"n".repeat(256)}"`) },
			/too long/,
		],
	])("%s", (_, files, why) => {
		expect(() => load(files)).toThrow(Invalid);
		expect(() => load(files)).toThrow(why);
	});

	test("a list under a single plugin's name", () => {
		expect(() => parseSingle(`${CONF}/x.conf`, LIST)).toThrow(
			/does not end in \.conflist/,
		);
	});
});

test("a number beyond a double in a drop-in is loaded, and fails every pod", () => {
	const text = `{"type":"tuning","mtu":1E400}`;
	const network = load({ [FILE]: LIST, [`${CONF}/n/10.conf`]: text });
	expect(network?.failing).toMatch(/n\/10\.conf: a number is too large/);
});

test("a file of many megabytes is refused, and not called invalid", () => {
	const files = { [FILE]: LIST + " ".repeat(5 << 20) };
	expect(() => load(files)).toThrow(Refusal);
	expect(() => load(files)).toThrow(/has more than 4 MiB/);
	expect(() => load(files)).not.toThrow(Invalid);
});

test.each([
	["n", true],
	["k8s-pod-network", true],
	["a.b_c", true],
	["../n", false],
	[".n", false],
	["_n", false],
	["a/b", false],
	["", false],
	["n".repeat(764_000), false],
])("%.20j is a network's name: %j", (name, want) => {
	expect(isNetworkName(name)).toBe(want);
	const text = JSON.stringify({ name, plugins: [{ type: "a" }] });
	const list = parseConflist(FILE, text);
	if (want)
		expect(dropInOf(CONF, list)).toBe(DROP_IN.replace("/n/", `/${name}/`));
	else expect(() => dropInOf(CONF, list)).toThrow(/not the name of a network/);
});

test.each([
	["an object", `{"type":"a"}`, { type: "a" }],
	["half of one", `{"type":`, {}],
	["null", "null", {}],
	["a number", "1", {}],
])("a drop-in that holds %s", (_, text, keys) => {
	expect(keysOf(text)).toEqual(keys);
});
