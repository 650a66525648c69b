// The changes of a configuration that a pass would make.

import { describe, expect, test } from "vitest";
import {
	type ChainPlan,
	planInstall,
	type Wishes,
} from "../../../../src/install/plan.ts";
import type { Seen } from "../../../../src/install/runtime.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	BIN,
	CONF,
	DROP_IN,
	EDITED,
	FILE,
	LIST,
	stat,
} from "../../../support/unit/installing.ts";

const WISHES: Wishes = { mode: "auto", runtime: undefined, keys: {} };
const PLACE = {
	...{ root: "", confDir: CONF, confName: undefined, isNamed: false },
	binDirs: [BIN],
};
const NODE_FILES = { [`${BIN}/bridge`]: "", [`${BIN}/portmap`]: "" };

function planFor(
	files: Readonly<Record<string, string>>,
	wishes: Partial<Wishes> = {},
	seen?: Seen,
): ChainPlan | undefined {
	const host = fakeHost({ files: { ...NODE_FILES, ...files }, stat });
	return planInstall(host, PLACE, { ...WISHES, ...wishes }, seen);
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
			notes: [],
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
		expect(plan?.item).toEqual(JSON.parse(plan?.changes[1]?.after ?? ""));
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
		expect(planFor({ [FILE]: LIST }, {}, "both")?.notes).toEqual([
			expect.stringContaining("CRI-O and containerd are here"),
		]);
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

	describe("behind a Multus whose own file has the list", () => {
		const MULTUS = `${CONF}/00-multus.conf`;
		const own = (list: string): string =>
			`{"name":"m","type":"multus","capabilities":{"portMappings":true},"delegates":[${list},{"type":"ptp"}]}\n`;

		test("changes that list, and first the file that Multus makes it from", () => {
			const plan = planFor({ [MULTUS]: own(LIST), [FILE]: LIST });
			expect(plan).toMatchObject({ mode: "edit", path: MULTUS, notes: [] });
			expect(plan?.why).toContain(`which it makes from ${FILE}`);
			expect(plan?.changes).toEqual([
				{ path: FILE, before: LIST, after: EDITED },
				{ path: MULTUS, before: own(LIST), after: own(EDITED) },
			]);
		});

		test.each<[string, Record<string, string>]>([
			["there is none", {}],
			["there is another network's", { [FILE]: LIST.replace(`"n"`, `"o"`) }],
			["it cannot be read", { [FILE]: "{" }],
		])("changes that list alone if %s", (_, files) => {
			const plan = planFor({ [MULTUS]: own(LIST), ...files });
			expect(plan?.changes.map(({ path }) => path)).toEqual([MULTUS]);
			expect(plan?.why).toContain("--watch puts the plugin items back");
		});
	});

	test("of a cniVersion that the plugin does not speak is refused", () => {
		const text = LIST.replace("{", `{"cniVersion":"1.2.0",`);
		expect(() => planFor({ [FILE]: text })).toThrow(
			/cniVersion 1\.2\.0, which conntrack-flush does not speak\nIt speaks .*1\.1\.0/,
		);
	});

	test("of a list of drop-ins alone is refused for a containerd that does not load it", () => {
		const files = {
			[FILE]: `{"name":"n"}`,
			[`${CONF}/n/10.conf`]: `{"type":"bridge"}`,
		};
		expect(planFor(files)?.mode).toBe("dropin");
		const runtime = { name: "containerd", major: 1, minor: 7 };
		expect(() => planFor(files, { runtime })).toThrow(/no plugins/);
	});
});
