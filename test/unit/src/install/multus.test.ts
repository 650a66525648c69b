// What a Multus calls, and where its list is written.

import { describe, expect, test } from "vitest";
import {
	delegateOf,
	delegateSpans,
	filesOf,
	isMultus,
} from "../../../../src/install/multus.ts";
import { loadNetwork } from "../../../../src/install/network.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { CONF, FILE, LIST } from "../../../support/unit/installing.ts";

const OWN = `${CONF}/00-multus.conf`;
const OTHER = "/etc/cni/multus/net.d";

/** Returns the delegate of a Multus with these keys, beside these files. */
function delegate(
	keys: string,
	files: Readonly<Record<string, string>> = {},
	root = "",
) {
	const text = `{"name":"m","type":"multus",${keys}}`;
	const placed = Object.entries({ [OWN]: text, ...files }).map(
		([path, content]) => [root + path, content],
	);
	const host = fakeHost({ files: Object.fromEntries(placed) });
	const own = loadNetwork(host, root + OWN, true);
	if (!own) throw new Error("Multus's file is there");
	const found = delegateOf(host, root, own);
	const { network, at } = found;
	return { ...found, text: network.text.slice(at.from, at.to) };
}

describe("the list that is called", () => {
	test.each<[string, string, Record<string, string>, string]>([
		["is in its own file", `"delegates":[${LIST},{"type":"x"}]`, {}, OWN],
		["whatever the case of the key", `"Delegates":[ ${LIST} ]`, {}, OWN],
		["is in a file that it names", `"clusterNetwork":"${FILE}"`, {}, FILE],
		[
			"which counts before the delegates",
			`"clusterNetwork":"${FILE}","delegates":[{"type":"x"}]`,
			{},
			FILE,
		],
		[
			"as its container sees the path",
			`"clusterNetwork":"/host${FILE}"`,
			{},
			FILE,
		],
		[
			"is in the first file of a directory",
			`"clusterNetwork":"${OTHER}/"`,
			{ [`${OTHER}/20.conf`]: "{", [`${OTHER}/10.conflist`]: LIST },
			`${OTHER}/10.conflist`,
		],
		[
			"is in the file with the network's name",
			`"clusterNetwork":"n"`,
			{
				[`${OTHER}/10.conf`]: `{"name":"x","type":"ptp"}`,
				[`${OTHER}/20.conflist`]: LIST,
			},
			`${OTHER}/20.conflist`,
		],
		[
			"in the directory that it names",
			`"clusterNetwork":"n","confDir":"${CONF}"`,
			{},
			FILE,
		],
	])("%s", (_, keys, files, path) => {
		for (const root of ["", "/host"]) {
			const found = delegate(keys, { [FILE]: LIST, ...files }, root);
			expect([found.network.path, found.text]).toEqual([root + path, LIST]);
		}
	});

	test("is in the plugin item if Multus's file is a list", () => {
		const text = `{"plugins":[{"type":"multus","delegates":[${LIST}]}]}`;
		const [at] = delegateSpans(text);
		expect(text.slice(at?.from, at?.to)).toBe(LIST);
	});

	test("has drop-ins only if Multus is given its path", () => {
		const dropIn = { [`${CONF}/n/10.conf`]: `{"type":"tuning"}` };
		const files = { [FILE]: LIST, ...dropIn };
		const byPath = delegate(`"clusterNetwork":"${FILE}"`, files);
		expect([byPath.readsDropIns, byPath.network.dropIns.size]).toEqual([
			true,
			1,
		]);
		const byName = delegate(`"clusterNetwork":"n","confDir":"${CONF}"`, files);
		expect([byName.readsDropIns, byName.network.dropIns.size]).toEqual([
			false,
			0,
		]);
	});

	test("may be another if the cluster has one of that name", () => {
		const files = { [`${OTHER}/1.conflist`]: LIST };
		expect(delegate(`"clusterNetwork":"n"`, files).shadowedBy).toBe("n");
		expect(delegate(`"delegates":[${LIST}]`).shadowedBy).toBeUndefined();
	});
});

describe("is refused", () => {
	test.each<[string, string, Record<string, string>, RegExp]>([
		["nothing", `"delegates":[]`, {}, /neither delegates nor clusterNetwork/],
		["no list of them", `"delegates":"x"`, {}, /neither delegates/],
		[
			"a single plugin, with what to do",
			`"delegates":[{"name":"n","type":"flannel"}]`,
			{},
			/single plugin flannel.*\n.*--cleanup-config-on-exit/,
		],
		[
			"a list that has a type: Multus takes it for a single plugin",
			`"delegates":[${LIST.replace("{", `{"type":"ptp",`)}]`,
			{},
			/single plugin ptp/,
		],
		[
			"a list without plugins",
			`"delegates":[{"name":"n"}]`,
			{},
			/it has no plugins/,
		],
		[
			"a word for a boolean",
			`"delegates":[${LIST.replace("{", `{"disableCheck":"true",`)}]`,
			{},
			/disableCheck is neither/,
		],
		[
			"a list with a key that a plugin must have otherwise",
			`"delegates":[${LIST.replace("{", `{"ipam":{"type":1},`)}]`,
			{},
			/ipam\.type is no string/,
		],
		[
			"a path that is not there",
			`"clusterNetwork":"/x/10.conflist"`,
			{},
			/\/x\/10\.conflist, which is not there/,
		],
		[
			"a single plugin's file",
			`"clusterNetwork":"/x/10.conf"`,
			{ "/x/10.conf": `{"type":"ptp"}` },
			/single plugin ptp, in \/x\/10\.conf/,
		],
		[
			"an empty directory",
			`"clusterNetwork":"/x/y"`,
			{ "/x/y/README": "" },
			/\/x\/y, where it finds no network/,
		],
		[
			"a network that is only in the cluster",
			`"clusterNetwork":"n"`,
			{},
			/network n, which is in no file.*\n.*NetworkAttachmentDefinition/,
		],
		["a number", `"clusterNetwork":7`, {}, /clusterNetwork is no string/],
		[
			"a number for its directory",
			`"clusterNetwork":"n","confDir":7`,
			{},
			/confDir is no string/,
		],
	])("%s", (_, keys, files, message) => {
		expect(() => delegate(keys, files)).toThrow(message);
	});
});

test.each([
	["another plugin's text", `{"type":"x","delegates":[{}]}`],
	["a list that does not begin with it", `{"plugins":[{"type":"x"}]}`],
	["half of a text", `{"type":"multus","delegates":[`],
	["a list", "[]"],
])("has no delegates: %s", (_, text) => {
	expect(delegateSpans(text)).toEqual([]);
	expect(filesOf(fakeHost(), "", text)).toEqual([]);
});

test("leads to the files of the directory that it names", () => {
	const host = fakeHost({ files: { "/x/y/1.conf": "", "/x/y/2": "" } });
	const text = `{"type":"multus","clusterNetwork":"/x/y"}`;
	expect(filesOf(host, "", text)).toEqual(["/x/y", "/x/y/1.conf", "/x/y/2"]);
	const path = `{"type":"multus","clusterNetwork":"/x/y/1.conf"}`;
	expect(filesOf(host, "", path)).toEqual(["/x/y/1.conf"]);
	const broken = `{"type":"multus","clusterNetwork":"n","confDir":1}`;
	expect(filesOf(host, "", broken)).toEqual([]);
});

test.each([
	["multus", true],
	["multus-shim", true],
	["flannel", false],
])("%s calls others: %s", (type, want) => {
	expect(isMultus({ type })).toBe(want);
});
