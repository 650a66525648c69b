// The list that a runtime calls: the first file for containerd, the first that is in
// order for CRI-O, and what a Multus in it calls.

import { describe, expect, test } from "vitest";
import {
	type Called,
	findCalled,
	hasCapability,
	isPortmap,
	type Reader,
} from "../../../../src/install/choice.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	BIN,
	CONF,
	FILE,
	LIST,
	stat,
} from "../../../support/unit/installing.ts";

const READER = { isCrio: false, network: undefined, readsDropIns: true };
const CRIO = { ...READER, isCrio: true };
const NODE = { [`${BIN}/bridge`]: "", [`${BIN}/portmap`]: "" };
const FIRST = `${CONF}/05-first.conflist`;

function find(
	files: Readonly<Record<string, string>>,
	reader: Reader = READER,
	confName?: string,
	fail?: (call: string, path: string) => string | undefined,
	isNamed = false,
): Called | undefined {
	const host = fakeHost({
		files: { ...NODE, ...files },
		stat,
		...(fail && { fail }),
	});
	const place = {
		...{ root: "", confDir: CONF, confName, binDirs: [BIN] },
		isNamed,
	};
	return findCalled(host, place, reader);
}

describe("containerd's", () => {
	test.each<[string, Record<string, string>, string | undefined]>([
		["is the first by name", { [FILE]: LIST, [`${CONF}/20.conf`]: "" }, FILE],
		["is none", { [`${CONF}/README`]: "" }, undefined],
		[
			"is not a directory of such a name",
			{ [`${CONF}/00.conf/x`]: "", [FILE]: LIST },
			FILE,
		],
	])("%s", (_, files, path) => {
		expect(find(files)?.path).toBe(path);
	});

	test("is the one that was named", () => {
		const files = { [FIRST]: "{", [FILE]: LIST };
		expect(find(files, READER, "10-net.conflist")?.path).toBe(FILE);
		expect(find(files, READER, "30.conf")).toBeUndefined();
	});

	test("is the next if the first is deleted between two calls", () => {
		const fail = (call: string, path: string): string | undefined =>
			call === "readFile" && path === FIRST ? "ENOENT" : undefined;
		const files = { [FIRST]: LIST, [FILE]: LIST };
		expect(find(files, READER, undefined, fail)?.path).toBe(FILE);
	});

	test.each<[string, Record<string, string>, RegExp]>([
		["half of a file", { [FIRST]: "{" }, /05-first.* not JSON/],
		[
			"a single plugin",
			{ [`${CONF}/05.conf`]: `{"name":"n","type":"ptp"}` },
			/single plugin ptp\n.*\.conflist/,
		],
		[
			"a list that fails every pod",
			{ [FIRST]: LIST, [`${CONF}/n/1.conf`]: `{"type":"x","y":1E400}` },
			/no pod starts: .*1\.conf/,
		],
	])("keeps it from the next: %s", (_, files, message) => {
		expect(() => find({ ...files, [FILE]: LIST })).toThrow(message);
	});
});

describe("CRI-O's", () => {
	test.each<[string, Record<string, string>, RegExp]>([
		["half of a file", { [FIRST]: "{" }, /05-first.* not JSON/],
		[
			"a plugin that is not there",
			{ [FIRST]: LIST.replace("bridge", "absent") },
			/05-first\.conflist: absent is not in \/opt\/cni\/bin$/,
		],
		[
			"a plugin that is not executable",
			{ [FIRST]: LIST.replace("bridge", "x"), [`${BIN}/x`]: "" },
			/x is not in/,
		],
		[
			"a plugin in another directory",
			{ [FIRST]: LIST.replace("bridge", "../bridge") },
			/\.\.\/bridge is not in/,
		],
		[
			"a bad drop-in",
			{ [FIRST]: LIST.replace(`"n"`, `"m"`), [`${CONF}/m/1.conf`]: "{" },
			/m\/1\.conf is no network configuration/,
		],
	])("is the next after one with %s", (_, files, why) => {
		const found = find({ ...files, [FILE]: LIST }, CRIO);
		expect(found?.path).toBe(FILE);
		expect(found?.passedOver).toEqual([expect.stringMatching(why)]);
	});

	test("has a namesake without plugins, which a drop-in would bring to life", () => {
		const other = (name: string): string => `{"name":"${name}"}`;
		const of = (name: string): boolean | undefined =>
			find({ [FIRST]: other(name), [FILE]: LIST }, CRIO)?.hasEmptyNamesake;
		expect([of("n"), of("m")]).toEqual([true, false]);
	});

	test("may name our plugin, which is not there yet", () => {
		const text = LIST.replace("bridge", "conntrack-flush");
		expect(find({ [FILE]: text }, CRIO)?.path).toBe(FILE);
	});

	test("is the first of the network that it is configured to take", () => {
		const files = { [FIRST]: LIST.replace(`"n"`, `"m"`), [FILE]: LIST };
		const reader = { ...CRIO, network: "n" };
		expect(find(files, reader)).toMatchObject({ path: FILE, passedOver: [] });
		expect(() => find(files, { ...CRIO, network: "x" })).toThrow(
			/cni_default_network is x, which no file .* has/,
		);
	});

	test("is the first where the directory was named: it may be Multus's own", () => {
		const reader = { ...CRIO, network: "multus-cni-network" };
		const found = find({ [FILE]: LIST }, reader, undefined, undefined, true);
		expect(found?.path).toBe(FILE);
	});

	test("is none of several, each with its reason", () => {
		const files = { [FIRST]: "{", [FILE]: LIST.replace("bridge", "x") };
		expect(() => find(files, CRIO)).toThrow(
			/takes no file .*not JSON; .*x is not in .*\n.*--cni-bin-dir/,
		);
	});

	test("is the one that was named, whatever is wrong with it", () => {
		const files = { [FIRST]: "{", [FILE]: LIST };
		expect(() => find(files, CRIO, "05-first.conflist")).toThrow(/not JSON/);
	});
});

describe("behind a Multus", () => {
	const multus = (keys: string): string =>
		`{"name":"m","type":"multus",${keys}}`;

	test("it is what Multus calls, with what Multus can pass on", () => {
		const files = {
			[`${CONF}/00-multus.conf`]: multus(`"delegates":[${LIST}]`),
			[FILE]: LIST,
		};
		expect(find(files)).toMatchObject({
			path: `${CONF}/00-multus.conf`,
			multus: { hasPortMappings: false, readsDropIns: false },
			list: { name: "n" },
		});
	});

	test("it is the list itself if portmap is beside Multus", () => {
		const text = `{"name":"o","plugins":[${multus(`"delegates":[{"type":"x"}]`)},{"type":"portmap"}]}`;
		const found = find({ [`${CONF}/00-multus.conflist`]: text });
		expect([found?.list.name, found?.multus]).toEqual(["o", undefined]);
	});
});

test.each([
	[{ portMappings: true }, true],
	[{ portMappings: false }, false],
	[{}, false],
])("%j: port mappings reach the plugin: %s", (capabilities, want) => {
	expect(hasCapability({ capabilities })).toBe(want);
});

test("portmap is known by its type", () => {
	expect([{ type: "portmap" }, { type: "x" }].map(isPortmap)).toEqual([
		true,
		false,
	]);
});
