// The way into the chain that is taken, and the ways that are refused.

import { describe, expect, test } from "vitest";
import { parseConflist } from "../../../../src/install/conflist.ts";
import {
	type ConfDir,
	chooseMode,
	type Mode,
	parseRuntime,
	readsDropIns,
} from "../../../../src/install/mode.ts";

const FILE = "10-net.conflist";
const MULTUS = { readsDropIns: false };

function found(
	types: readonly string[],
	more: Partial<Omit<ConfDir, "list">> & {
		readonly onlyInlined?: boolean;
	} = {},
): ConfDir {
	const text = JSON.stringify({
		name: "n",
		...(types.length > 0 && { plugins: types.map((type) => ({ type })) }),
	});
	return {
		names: [FILE],
		hasDropIn: false,
		dropIns: new Map(),
		multus: undefined,
		hasEmptyNamesake: false,
		...more,
		list: {
			...parseConflist(FILE, text),
			onlyInlined: more.onlyInlined ?? false,
		},
	};
}

const PLAIN = found(["bridge", "portmap"]);
const WITH_ITEMS = found(["bridge", "conntrack-flush", "portmap"]);

const PORTMAP = { type: "portmap", capabilities: {}, keys: {} };
const PORTMAP_DROPIN = { dropIns: new Map([["50-portmap.conf", PORTMAP]]) };

describe("auto", () => {
	test.each<[string, string | undefined, ConfDir, Mode, string]>([
		["an unknown runtime", undefined, PLAIN, "edit", "version is not known"],
		[
			"containerd that reads drop-ins",
			"containerd://2.1.0",
			PLAIN,
			"dropin",
			"containerd 2.1 reads drop-ins",
		],
		[
			"CRI-O that reads drop-ins",
			"cri-o://1.33.1",
			PLAIN,
			"dropin",
			"cri-o 1.33 reads drop-ins",
		],
		[
			"containerd before",
			"containerd://2.0.7",
			PLAIN,
			"edit",
			"containerd 2.0 reads no drop-ins",
		],
		["CRI-O before", "cri-o://1.32.9", PLAIN, "edit", "reads no drop-ins"],
		["another runtime", "docker://28.1.0", PLAIN, "edit", "reads no drop-ins"],
		[
			"a conflist that forbids drop-ins",
			"containerd://2.2.0",
			found(["portmap"], { onlyInlined: true }),
			"edit",
			"loadOnlyInlinedPlugins",
		],
		[
			"a network that Multus loads",
			"containerd://2.2.0",
			found(["portmap"], { multus: MULTUS }),
			"edit",
			"Multus",
		],
		[
			"a list whose name another has, which a drop-in would bring to life",
			"cri-o://1.33.1",
			found(["bridge"], { hasEmptyNamesake: true }),
			"edit",
			"another list of this name",
		],
		[
			"a portmap that is a drop-in",
			undefined,
			found(["bridge"], PORTMAP_DROPIN),
			"dropin",
			"portmap is a drop-in",
		],
		[
			"a list whose plugins are all drop-ins, behind a Multus that reads them",
			undefined,
			found([], { ...PORTMAP_DROPIN, multus: { readsDropIns: true } }),
			"dropin",
			"no plugins of its own",
		],
		[
			"plugin items that are there already",
			"containerd://2.2.0",
			WITH_ITEMS,
			"edit",
			"already has our plugin items",
		],
		[
			"a drop-in that is there already, the runtime unknown",
			undefined,
			found(["portmap"], { hasDropIn: true }),
			"dropin",
			"there is a drop-in",
		],
		[
			"a drop-in that the runtime does not read",
			"containerd://1.7.27",
			found(["portmap"], { hasDropIn: true }),
			"edit",
			"reads no drop-ins",
		],
		[
			"plugin items and a drop-in: the plugin items stay",
			"containerd://2.1.4",
			found(["conntrack-flush", "portmap"], { hasDropIn: true }),
			"edit",
			"already has our plugin items",
		],
	])("%s", (_, version, state, mode, why) => {
		const runtime = version === undefined ? undefined : parseRuntime(version);
		const chosen = chooseMode("auto", runtime, state);
		expect(chosen.mode).toBe(mode);
		expect(chosen.why).toContain(why);
	});
});

test.each<[Mode, ConfDir]>([
	["edit", PLAIN],
	["dropin", PLAIN],
	["dropin", WITH_ITEMS],
	["edit", found(["portmap"], { hasDropIn: true })],
])("%s is taken when it is asked for", (mode, state) => {
	expect(chooseMode(mode, undefined, state).mode).toBe(mode);
});

describe("refused, with what to do instead", () => {
	test.each<[string, Mode | "auto", string | undefined, ConfDir, RegExp]>([
		[
			"a drop-in for a runtime that reads none",
			"dropin",
			"containerd://1.7.0",
			PLAIN,
			/would not work: containerd 1\.7 reads no drop-ins\n.*--mode edit/,
		],
		[
			"a drop-in that the conflist forbids",
			"dropin",
			undefined,
			found(["portmap"], { onlyInlined: true }),
			/loadOnlyInlinedPlugins\n/,
		],
		[
			"a drop-in behind Multus",
			"dropin",
			undefined,
			found(["portmap"], { multus: MULTUS }),
			/Multus/,
		],
		...(["auto", "edit", "dropin"] as const).map(
			(mode): [string, Mode | "auto", undefined, ConfDir, RegExp] => [
				`Cilium's exclusive mode, ${mode}`,
				mode,
				undefined,
				found(["portmap"], { names: [FILE, "10-flannel.conflist.cilium_bak"] }),
				/renamed 10-flannel\.conflist\.cilium_bak\n.*cni\.exclusive=false/,
			],
		),
		[
			"Cilium's own hostPorts, which are not in conntrack",
			"auto",
			undefined,
			found(["cilium-cni"]),
			/outside conntrack\n/,
		],
	])("%s", (_, asked, version, state, message) => {
		const runtime = version === undefined ? undefined : parseRuntime(version);
		expect(() => chooseMode(asked, runtime, state)).toThrow(message);
	});

	test.each<[string, Mode | "auto", string | undefined, ConfDir, RegExp]>([
		[
			"plugin items in a list before a portmap that is a drop-in",
			"edit",
			undefined,
			found(["bridge"], PORTMAP_DROPIN),
			/wrong place: portmap is a drop-in\n.*--mode dropin/,
		],
		[
			"a portmap in a drop-in that the runtime does not read",
			"auto",
			"containerd://2.0.0",
			found(["bridge"], PORTMAP_DROPIN),
			/containerd 2\.0 reads no drop-ins\n.*into the list/,
		],
		[
			"a portmap in a drop-in that Multus does not read",
			"auto",
			undefined,
			found(["bridge"], { ...PORTMAP_DROPIN, multus: MULTUS }),
			/Multus loads the conflist by itself\n/,
		],
		[
			"a portmap in a drop-in that comes after ours",
			"auto",
			undefined,
			found(["bridge"], { dropIns: new Map([["95-x.conf", PORTMAP]]) }),
			/95-x\.conf, which comes after 90-conntrack-flush\.conf\n/,
		],
	])("%s", (_, asked, version, state, message) => {
		const runtime = version === undefined ? undefined : parseRuntime(version);
		expect(() => chooseMode(asked, runtime, state)).toThrow(message);
	});

	test("Cilium in a chain with portmap is a network like others", () => {
		const state = found(["aws-cni", "portmap", "cilium-cni"]);
		expect(chooseMode("auto", undefined, state).mode).toBe("edit");
	});
});

test.each([
	["containerd://2.1.0", true],
	["containerd://2.1.4-k3s1", true],
	["containerd://v2.1.0", true],
	["containerd://3.0.0-rc.1", true],
	["containerd://2.0.5", false],
	["containerd://1.10.0", false],
	["cri-o://1.33.0", true],
	["cri-o://1.32.6", false],
	["docker://27.0.1", false],
	["constructor://99.9", false],
])("a node that says %s reads drop-ins: %s", (text, want) => {
	const runtime = parseRuntime(text);
	expect(runtime && readsDropIns(runtime)).toBe(want);
});

test.each(["", "2.1.0", "containerd", "containerd://", "Unknown"])(
	"%j is no runtime's version",
	(text) => expect(parseRuntime(text)).toBeUndefined(),
);
