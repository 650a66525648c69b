// The version of a list, as libcni finds it.

import { expect, test } from "vitest";
import { VERSIONS } from "../../../../plugin/cni/protocol.ts";
import { SPOKEN, versionOf } from "../../../../src/install/cniversion.ts";

test("the plugin speaks what it says that it speaks", () => {
	expect(SPOKEN).toEqual(VERSIONS);
});

test.each<[string, object, string]>([
	["none", {}, ""],
	["the one that is named", { cniVersion: "9.9.9" }, "9.9.9"],
	["the newest of several", { cniVersions: ["0.4.0", "1.0.0"] }, "1.0.0"],
	[
		"the newest, wherever it is named",
		{ cniVersion: "1.1.0", cniVersions: ["0.4.0"] },
		"1.1.0",
	],
	["the newest that libcni knows", { cniVersions: ["1.1.0", "2.0"] }, "1.1.0"],
	["a short one", { cniVersions: ["1", "0.4.0"] }, "1"],
	[
		"the only one, too new",
		{ cniVersion: "1.0.0", cniVersions: ["2"] },
		"1.0.0",
	],
	["none of none", { cniVersions: [] }, ""],
	["0.1.0 for an empty one", { cniVersions: ["", "0.2.0"] }, "0.2.0"],
])("%s", (_, list, want) => {
	expect(versionOf({ ...list })).toBe(want);
});

test.each<[object, string]>([
	[{ cniVersion: 1 }, "cniVersion is no string"],
	[{ cniVersion: null }, "cniVersion is no string"],
	[{ cniVersions: "1.0.0" }, "cniVersions is no list"],
	[{ cniVersions: null }, "cniVersions is no list"],
	[{ cniVersions: [1] }, "cniVersions has something that is no string"],
	[{ cniVersions: ["x"] }, "no version"],
	[{ cniVersions: ["1.0.0.0"] }, "no version"],
	[{ cniVersions: ["1.-"] }, "no version"],
	[{ cniVersions: ["1.0"], cniVersion: "x" }, "no version"],
	[{ cniVersions: ["9".repeat(764_000)] }, "no version"],
])("libcni does not load %j", (list, why) => {
	expect(() => versionOf({ ...list })).toThrow(why);
});
