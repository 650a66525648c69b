// The check of the configuration: where the plugin stands in the chain, and what that
// means.

import { expect, test } from "vitest";
import { checkConflist, findingOf } from "../../../../src/doctor/conflist.ts";
import type { Finding } from "../../../../src/doctor/finding.ts";
import { Refusal } from "../../../../src/install/refusal.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { DIR } from "../../../support/unit/calls.ts";
import {
	ADD,
	CONF_DIR,
	DEL,
	GOOD,
	list,
	OURS,
	PORTMAP,
} from "../../../support/unit/checkup.ts";

const PLACE = {
	...{ root: "", confDir: CONF_DIR, confName: undefined, isNamed: false },
	binDirs: [],
};
const READER = { isCrio: false, network: undefined, readsDropIns: true };

const MULTUS_KEYS = {
	...{ name: "m", type: "multus" },
	capabilities: { portMappings: true },
};
const MULTUS = JSON.stringify({
	...MULTUS_KEYS,
	clusterNetwork: `${CONF_DIR}/10.conflist`,
});

/** Returns `fail: …`, without paths. */
const brief = (findings: readonly Finding[]): string[] =>
	findings.map((f) => `${f.status}: ${f.found.replaceAll(`${CONF_DIR}/`, "")}`);

const check = (files: Record<string, string>) =>
	checkConflist(
		fakeHost({
			files: Object.fromEntries(
				Object.entries(files).map(([name, text]) => [
					`${CONF_DIR}/${name}`,
					text,
				]),
			),
		}),
		PLACE,
		READER,
	);
test.each<[string, Record<string, string>, RegExp[]]>([
	[
		"after portmap",
		{ "10.conflist": GOOD },
		[/^ok: 10.conflist lists the plugin, after portmap$/],
	],
	[
		"around portmap",
		{ "10.conflist": list(DEL, PORTMAP, ADD) },
		[/^ok: .*, split around portmap$/],
	],
	[
		"not listed",
		{ "10.conflist": list(PORTMAP) },
		[/^fail: 10.conflist does not list the plugin$/],
	],
	[
		"before portmap",
		{ "10.conflist": list(OURS, PORTMAP) },
		[/^fail: plugin item 1 .* before portmap/],
	],
	[
		"without the capability",
		{ "10.conflist": list(PORTMAP, { type: "conntrack-flush" }) },
		[/^fail: plugin item 2 .* capability/],
	],
	[
		"with the capability set to false",
		{
			"10.conflist": list(PORTMAP, {
				...OURS,
				capabilities: { portMappings: false },
			}),
		},
		[/^fail: .* capability/],
	],
	[
		"the wrong way around",
		{ "10.conflist": list(ADD, PORTMAP, DEL) },
		[/^fail: plugin item 1 .*ADD/, /^fail: plugin item 3 .*DEL/],
	],
	[
		"nothing acts on DEL",
		{ "10.conflist": list(PORTMAP, ADD) },
		[/^warn: .* acts on DEL$/],
	],
	[
		"nothing acts on ADD",
		{ "10.conflist": list(DEL, PORTMAP) },
		[/^warn: .* acts on ADD$/],
	],
	[
		"CRI-O: the pod as a whole, and no portmap",
		{
			"10.conflist": list(
				{ type: "bridge" },
				{ type: "conntrack-flush", scope: "pod" },
			),
		},
		[/^ok: 10.conflist lists the plugin$/],
	],
	[
		"no portmap",
		{ "10.conflist": list(OURS) },
		[/^warn: .* does not list portmap$/],
	],
	[
		"the first by name is what counts",
		{ "20.conflist": GOOD, "10.conflist": list(PORTMAP) },
		[/^fail: 10.conflist/],
	],
	[
		"other files do not count",
		{ "00.txt": "x", "10.conflist": GOOD, "05.conflist.bak": "x" },
		[/^ok/],
	],
	[
		"one that cannot be read, with which containerd loads nothing",
		{ "00.conf": "{", "10.conflist": GOOD },
		[/^fail: 00.conf is no network configuration: not JSON$/],
	],
	[
		"a plugin that is null",
		{ "10.conflist": '{"name":"n","plugins":[null]}' },
		[/^fail: 10.conflist is no network configuration: plugin 1: no type$/],
	],
	[
		"a single plugin",
		{ "10.conf": JSON.stringify({ type: "bridge" }) },
		[/^fail: 10.conf configures the single plugin bridge$/],
	],
	[
		"in the list that Multus calls",
		{
			"00-multus.conf": MULTUS,
			"10.conflist": GOOD,
		},
		[/^ok: 10.conflist lists the plugin, after portmap$/],
	],
	[
		"in the list of a file that the Multus does not call",
		{
			"00-multus.conf": JSON.stringify({
				...MULTUS_KEYS,
				delegates: [JSON.parse(list(PORTMAP))],
			}),
			"10.conflist": GOOD,
		},
		[/^fail: the delegate in 00-multus.conf does not list/],
	],
	[
		"in a Multus's own file",
		{
			"00-multus.conf": JSON.stringify({
				...MULTUS_KEYS,
				delegates: [JSON.parse(GOOD)],
			}),
		},
		[/^ok: the delegate in 00-multus.conf lists the plugin, after portmap$/],
	],
	[
		"behind a Multus that gets no port mappings",
		{
			"00-multus.conf": MULTUS.replace("true", "false"),
			"10.conflist": GOOD,
		},
		[/^fail: Multus, in 00-multus.conf, does not declare the capability/],
	],
	[
		"a network of Multus's that the cluster may define too",
		{
			"00-multus.conf": JSON.stringify({
				...MULTUS_KEYS,
				clusterNetwork: "podnet",
				confDir: CONF_DIR,
			}),
			"10.conflist": GOOD,
		},
		[/^warn: .*names the network podnet.*NetworkAttachmentDefinition/],
	],
	[
		"a single plugin that Multus calls",
		{
			"00-multus.conf": JSON.stringify({
				...MULTUS_KEYS,
				delegates: [{ name: "x", type: "flannel" }],
			}),
			"10.conflist": GOOD,
		},
		[/^fail: .*makes|calls.*single plugin flannel/],
	],
	[
		"a drop-in of a Multus's network, which only Multus 4.2.2 reads",
		{
			"00-multus.conf": MULTUS,
			"10.conflist": list(PORTMAP),
			"podnet/90-x.conf": JSON.stringify(OURS),
		},
		[/^warn: .*only Multus 4.2.2 and later read/],
	],
	[
		"a drop-in that is not loaded, as a text",
		{
			"10.conflist": JSON.stringify({
				name: "podnet",
				plugins: [PORTMAP],
				loadOnlyInlinedPlugins: "true",
			}),
			"podnet/90-x.conf": JSON.stringify(OURS),
		},
		[/^fail: .* does not list/],
	],
	[
		"twice after portmap",
		{ "10.conflist": list(PORTMAP, OURS, OURS) },
		[
			/^warn: plugin items 2 and 3 of .* all act on ADD/,
			/^warn: plugin items 2 and 3 of .* all act on DEL/,
		],
	],
	[
		"in the conflist and in a drop-in",
		{
			"10.conflist": list(DEL, PORTMAP, ADD),
			"podnet/90-x.conf": JSON.stringify(OURS),
		},
		[
			/^warn: plugin items 3 and 4 .* ADD/,
			/^warn: plugin items 1 and 4 .* DEL/,
		],
	],
	[
		"before portmap for DEL, after it for both",
		{ "10.conflist": list(DEL, PORTMAP, OURS) },
		[/^warn: plugin items 1 and 3 .* DEL/],
	],
	[
		"on a verb that there is not",
		{ "10.conflist": list(PORTMAP, { ...OURS, on: "ADD" }) },
		[
			/^fail: plugin item 2 of 10.conflist has "on": "ADD", which every call refuses/,
		],
	],
	[
		"on null, which the schema refuses too",
		{ "10.conflist": list(PORTMAP, { ...OURS, on: null }) },
		[
			/^fail: plugin item 2 of 10.conflist has "on": null, which every call refuses/,
		],
	],
	[
		"around portmap, with records in two places",
		{ "10.conflist": list(DEL, PORTMAP, { ...ADD, dataDir: "/run/x" }) },
		[/^fail: .* different directories: .*flush, \/run\/x$/],
	],
	[
		"around portmap, one of them with the directory that is the default",
		{ "10.conflist": list({ ...DEL, dataDir: DIR }, PORTMAP, ADD) },
		[/^ok: .*, split around portmap$/],
	],
	[
		"a drop-in",
		{
			"10.conflist": list(PORTMAP),
			"podnet/90-x.conf": JSON.stringify(OURS),
		},
		[/^ok: .* after portmap/],
	],
	[
		"a drop-in of another network",
		{ "10.conflist": list(PORTMAP), "other/90-x.conf": JSON.stringify(OURS) },
		[/^fail: .* does not list/],
	],
	[
		"a drop-in that is not loaded",
		{
			"10.conflist": JSON.stringify({
				name: "podnet",
				plugins: [PORTMAP],
				loadOnlyInlinedPlugins: true,
			}),
			"podnet/90-x.conf": JSON.stringify(OURS),
		},
		[/^fail: .* does not list/],
	],
	["no files", { "x.txt": "" }, [/^fail: .* has no configuration$/]],
	[
		"nothing but null",
		{ "10.conflist": "null" },
		[/^fail: .* not a JSON object$/],
	],
])("%s", (_, files, want) => {
	const found = brief(check(files));
	expect(found.length, found.join("\n")).toBe(want.length);
	want.forEach((w, i) => {
		expect(found[i]).toMatch(w);
	});
});

test("no directory", () => {
	const found = checkConflist(fakeHost({}), PLACE, READER);
	expect(brief(found)).toEqual([`fail: there is no directory ${CONF_DIR}`]);
});

test("every failure and warning says what to do", () => {
	for (const files of [
		{},
		{ "a.conf": "{" },
		{ "a.conf": list() },
		{ "a.conf": list(OURS, PORTMAP, DEL) },
	])
		for (const f of check(files))
			expect(f.advice === undefined).toBe(f.status === "ok");
});

test.each<[string, object[], string]>([
	[
		"no item on ADD: one with it at the end",
		[DEL, PORTMAP],
		'append to "plugins" a plugin item with "on": "add"',
	],
	[
		"no item on DEL: one with it at the beginning",
		[PORTMAP, ADD],
		'put a plugin item with "on": "del" before portmap',
	],
	[
		"two items that do the same: the two arrangements",
		[PORTMAP, ADD, ADD, DEL],
		'keep one (single), or make them "on": "del" before portmap and "on": "add" after it (split)',
	],
	[
		"no portmap: the scope of CRI-O",
		[OURS],
		'if the runtime sets up hostPorts itself, as CRI-O does, give the plugin item "scope": "pod"; if nothing does, there is nothing to flush',
	],
])("the advice for %s", (_, plugins, want) => {
	const advice = check({ "10.conflist": list(...plugins) }).map(
		(f) => f.advice,
	);
	expect(advice).toContain(want);
});

test("the items record in different directories: they are told by their file", () => {
	const text = list(DEL, PORTMAP, { ...ADD, dataDir: "/run/x" });
	expect(brief(check({ "10.conflist": text }))).toEqual([
		`fail: the plugin items of 10.conflist record attachments in different directories: ${DIR}, /run/x`,
	]);
});

test("a refusal of the installer is a failure, with its advice", () => {
	expect(findingOf(new Refusal("no list", "make one"))).toEqual({
		check: "conflist",
		status: "fail",
		found: "no list",
		advice: "make one",
	});
});

const DEAF =
	"fail: portmap, plugin 1 of 10.conflist, does not declare the capability, so it makes no rule for a hostPort";
test.each<[string, string, string | undefined]>([
	["without its capability", list({ type: "portmap" }, OURS), DEAF],
	[
		"with a capability that is false",
		list({ type: "portmap", capabilities: { portMappings: false } }, OURS),
		DEAF,
	],
	[
		"twice, the last without it",
		list(PORTMAP, { type: "portmap" }, OURS),
		undefined,
	],
	["without it, and no plugin item", list({ type: "portmap" }), DEAF],
])("portmap %s", (_, text, want) => {
	const findings = check({ "10.conflist": text });
	if (want === undefined) expect(brief(findings)[0]).toMatch(/^ok/);
	else expect(brief(findings)[0]).toBe(want);
	if (want !== undefined)
		expect(findings[0]?.advice).toBe(
			'add to it: "capabilities": { "portMappings": true }',
		);
});
