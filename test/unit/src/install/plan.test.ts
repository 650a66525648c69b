// The changes of a configuration that a pass would make, and which file is the
// network's.

import { describe, expect, test } from "vitest";
import { parseConflist } from "../../../../src/install/conflist.ts";
import {
	type ChainPlan,
	dropInOf,
	findPrimary,
	keysOf,
	planInstall,
	type Wishes,
} from "../../../../src/install/plan.ts";
import type { Seen } from "../../../../src/install/runtime.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	CONF,
	DROP_IN,
	EDITED,
	FILE,
	LIST,
} from "../../../support/unit/installing.ts";

const WISHES: Wishes = { mode: "auto", runtime: undefined, keys: {} };
const MULTUS = `{"name":"m","type":"multus"}`;

function planFor(
	files: Readonly<Record<string, string>>,
	wishes: Partial<Wishes> = {},
	seen?: Seen,
): ChainPlan | undefined {
	const host = fakeHost({ files });
	return planInstall(host, CONF, undefined, { ...WISHES, ...wishes }, seen);
}

describe("a plan", () => {
	test("of a directory without configurations is none", () => {
		expect(planFor({ [`${CONF}/README`]: "" })).toBeUndefined();
	});

	test("says what changes, how and why, and what plugin comes first", () => {
		expect(planFor({ [FILE]: LIST })).toEqual({
			mode: "edit",
			why: "the runtime's version is not known",
			path: FILE,
			first: "bridge",
			item: {
				type: "conntrack-flush",
				on: "del",
				capabilities: { portMappings: true },
			},
			changes: [{ path: FILE, before: LIST, after: EDITED }],
		});
	});

	test("finds nothing to change in what it has made", () => {
		expect(planFor({ [FILE]: EDITED })).toMatchObject({
			why: "the conflist already has our plugin items",
			changes: [],
		});
	});

	test("from a drop-in to the conflist deletes the drop-in first: never both at once", () => {
		const dropIn = `{"type":"conntrack-flush"}`;
		const files = { [FILE]: LIST, [DROP_IN]: dropIn };
		expect(planFor(files, { mode: "edit" })?.changes).toEqual([
			{ path: DROP_IN, before: dropIn, after: undefined },
			{ path: FILE, before: LIST, after: EDITED },
		]);
	});

	test("from the conflist to a drop-in changes the conflist first: never both at once", () => {
		const plan = planFor({ [FILE]: EDITED }, { mode: "dropin" });
		expect(plan?.changes.map(({ path }) => path)).toEqual([FILE, DROP_IN]);
		expect(plan?.changes[0]?.after).toBe(LIST);
		expect(plan?.item).toEqual(keysOf(plan?.changes[1]?.after ?? ""));
	});

	test("with keys that are asked for has them in the plugin item", () => {
		const keys = { protocols: ["tcp"] };
		for (const mode of ["edit", "dropin"] as const)
			expect(planFor({ [FILE]: LIST }, { mode, keys })?.item).toMatchObject(
				keys,
			);
	});

	test("names the first plugin that is not ours", () => {
		const ours = `{"type":"conntrack-flush"}`;
		const text = LIST.replace("[", `[${ours},`);
		expect(planFor({ [FILE]: text })?.first).toBe("bridge");
	});

	test("of a drop-in keeps the user's keys when it changes others", () => {
		const dropIn = `{"type":"conntrack-flush","logLevel":"debug","protocols":["udp"]}`;
		const plan = planFor(
			{ [FILE]: LIST, [DROP_IN]: dropIn },
			{ mode: "dropin", keys: { protocols: ["tcp"] } },
		);
		expect(plan?.item).toEqual({
			type: "conntrack-flush",
			capabilities: { portMappings: true },
			logLevel: "debug",
			protocols: ["tcp"],
		});
	});

	test("of a drop-in that is no JSON writes it anew", () => {
		const files = { [FILE]: LIST, [DROP_IN]: "{" };
		const plan = planFor(files, { mode: "dropin" });
		expect(plan?.changes).toMatchObject([{ path: DROP_IN, before: "{" }]);
		expect(plan?.item).toMatchObject({ type: "conntrack-flush" });
	});

	test("on a node with both runtimes, and none named, says so", () => {
		expect(planFor({ [FILE]: LIST }, {}, "both")?.why).toContain(
			"CRI-O and containerd are here",
		);
	});

	test("on a node with both runtimes, and one named, says nothing of it", () => {
		const runtime = { name: "containerd", major: 1, minor: 7 };
		expect(planFor({ [FILE]: LIST }, { runtime }, "both")?.why).toBe(
			"containerd 1.7 reads no drop-ins",
		);
	});

	test("under CRI-O is a single plugin item that goes by the pod's address", () => {
		expect(planFor({ [FILE]: LIST }, {}, "cri-o")?.item).toEqual({
			type: "conntrack-flush",
			scope: "pod",
			retireSeconds: 0,
		});
	});
});

describe("the network's file", () => {
	const find = (
		files: Readonly<Record<string, string>>,
		confName?: string,
		names = Object.keys(files).map((path) => path.slice(CONF.length + 1)),
	) => findPrimary(fakeHost({ files }), CONF, names, confName);

	test.each<[string, Record<string, string>, string | undefined, boolean]>([
		[
			"is the first by name",
			{ [`${CONF}/20.conf`]: "", [FILE]: LIST },
			FILE,
			false,
		],
		["is none", { [`${CONF}/README`]: "" }, undefined, false],
		[
			"comes after Multus's own",
			{ [`${CONF}/00-multus.conf`]: MULTUS, [FILE]: LIST },
			FILE,
			true,
		],
		[
			"comes after a directory of such a name",
			{ [`${CONF}/00.conf/x`]: "", [FILE]: LIST },
			FILE,
			false,
		],
	])("%s", (_, files, path, behindMultus) => {
		const names = ["20.conf", "00-multus.conf", "00.conf", "10-net.conflist"];
		const found = find(files, undefined, names);
		expect(found?.path).toBe(path);
		if (found) expect(found.behindMultus).toBe(behindMultus);
	});

	test("is the one that was named, even if it is Multus's", () => {
		const files = { [FILE]: LIST, [`${CONF}/20-multus.conf`]: MULTUS };
		expect(find(files, "20-multus.conf")).toEqual({
			path: `${CONF}/20-multus.conf`,
			text: MULTUS,
			behindMultus: false,
		});
		expect(find(files, "30.conf")).toBeUndefined();
	});

	test("is the next if the first is deleted between two calls", () => {
		const fail = (call: string, path: string) =>
			call === "readFile" && path.endsWith("00.conf") ? "ENOENT" : undefined;
		const host = fakeHost({
			files: { [`${CONF}/00.conf`]: LIST, [FILE]: LIST },
			fail,
		});
		const names = ["00.conf", "10-net.conflist"];
		expect(findPrimary(host, CONF, names, undefined)?.path).toBe(FILE);
	});

	test("is refused if only Multus's own is there", () => {
		expect(() => find({ [`${CONF}/00-multus.conf`]: MULTUS })).toThrow(
			/no network's configuration but Multus's own\n.*--cni-conf-dir/,
		);
	});
});

test.each([
	["n", true],
	["k8s-pod-network", true],
	["a.b_c", true],
	["../n", false],
	[".n", false],
	["a/b", false],
	["", false],
])("the network %j can have a drop-in: %j", (name, want) => {
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
