// The directories of a node's plugins and networks, as they are found or given.

import { describe, expect, test } from "vitest";
import {
	allDirectories,
	baseOf,
	findDirectories,
	kindOf,
	namesIn,
	parentOf,
	statOf,
	textOf,
} from "../../../../src/install/paths.ts";
import { Refusal } from "../../../../src/install/refusal.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	BIN,
	CONF,
	FILE,
	LIST,
	WHERE,
} from "../../../support/unit/installing.ts";

const K3S_BIN = "/var/lib/rancher/k3s/data/cni";
const K3S_CONF = "/var/lib/rancher/k3s/agent/etc/cni/net.d";

describe("found", () => {
	test.each<[string, string[], string[], string]>([
		["one of each", [`${BIN}/portmap`, FILE], [BIN], CONF],
		[
			"a directory without the usual plugins, beside one with them",
			[`${BIN}/x`, "/usr/lib/cni/loopback", FILE],
			["/usr/lib/cni"],
			CONF,
		],
		[
			"two with the usual plugins: both",
			[`${BIN}/bridge`, "/usr/lib/cni/bridge", FILE],
			[BIN, "/usr/lib/cni"],
			CONF,
		],
		["none with the usual plugins: the first", [`${BIN}/x`, FILE], [BIN], CONF],
		[
			"k3s beside empty directories of others",
			[
				`${K3S_BIN}/portmap`,
				`${BIN}/.keep`,
				`${CONF}/README`,
				`${K3S_CONF}/10-flannel.conflist`,
			],
			[K3S_BIN],
			K3S_CONF,
		],
		[
			"a network's directory that holds no configuration, before one that does",
			[`${BIN}/portmap`, `${K3S_CONF}/README`, FILE],
			[BIN],
			CONF,
		],
		[
			"no configuration anywhere: the first directory",
			[`${BIN}/portmap`, `${K3S_CONF}/README`, `${CONF}/README`],
			[BIN],
			K3S_CONF,
		],
	])("%s", (_, paths, binDirs, confDir) => {
		const files = Object.fromEntries(paths.map((path) => [path, ""]));
		expect(findDirectories(fakeHost({ files }), WHERE)).toEqual({
			binDirs,
			confDir,
		});
	});

	test("below the prefix of a container, and returned without it", () => {
		const files = { [`/host${BIN}/portmap`]: "", [`/host${FILE}`]: LIST };
		const where = { ...WHERE, root: "/host" };
		expect(findDirectories(fakeHost({ files }), where)).toEqual({
			binDirs: [BIN],
			confDir: CONF,
		});
	});

	test.each([
		[
			"plugins",
			{ [FILE]: LIST },
			/\/opt\/cni\/bin.* is there\n.*--cni-bin-dir/,
		],
		[
			"networks",
			{ [`${BIN}/portmap`]: "" },
			/\/etc\/cni\/net\.d is there\n.*--cni-conf-dir/,
		],
	])("no directory of %s: refused", (_, files, message) => {
		const host = fakeHost({ files: files as Record<string, string> });
		expect(() => findDirectories(host, WHERE)).toThrow(message);
	});
});

test("those that are given are taken as they are, and nothing is looked for", () => {
	const host = fakeHost();
	const given = { binDirs: ["/a", "/b"], confDir: "/c" };
	expect(findDirectories(host, { ...WHERE, ...given })).toEqual(given);
	expect(host.calls).toEqual([]);
});

describe("all directories, with the prefix", () => {
	const directories = ["/host/opt/cni/bin", "/host/usr/lib/cni", "/host/a"];
	const host = fakeHost({ directories: [...directories, `/host${CONF}`] });
	const root = "/host";

	test("those that exist", () => {
		expect(allDirectories(host, { ...WHERE, root })).toEqual({
			binDirs: ["/host/opt/cni/bin", "/host/usr/lib/cni"],
			confDirs: [`/host${CONF}`],
		});
	});

	test("those that are given and exist", () => {
		const given = { root, binDirs: ["/a", "/b"], confDir: "/c" };
		expect(allDirectories(host, { ...WHERE, ...given })).toEqual({
			binDirs: ["/host/a"],
			confDirs: [],
		});
	});
});

test.each<[string, string, string[] | undefined]>([
	["has files", CONF, ["10-net.conflist"]],
	["is absent", "/nowhere", undefined],
])("a directory that %s", (_, dir, names) => {
	expect(namesIn(fakeHost({ files: { [FILE]: LIST } }), dir)).toEqual(names);
});

test.each<[string, string | undefined, ReturnType<typeof kindOf>]>([
	["a file", undefined, "file"],
	["a link to nothing", "ENOENT", undefined],
	["a link to itself", "ELOOP", undefined],
])("the kind of %s is %s", (_, code, kind) => {
	const host = fakeHost({ files: { [FILE]: LIST }, fail: () => code });
	expect(kindOf(host, FILE)).toBe(kind);
	expect(statOf(host, FILE)?.kind).toBe(kind);
});

test("a file that stat cannot reach is an error", () => {
	expect(() => statOf(fakeHost({ fail: () => "EIO" }), FILE)).toThrow(/EIO/);
});

describe("the text of a file", () => {
	const reading = (code?: string) =>
		textOf(fakeHost({ files: { [FILE]: LIST }, fail: () => code }), FILE);

	test("is the file's, or undefined if there is none", () => {
		expect(reading()).toBe(LIST);
		expect(reading("ENOENT")).toBeUndefined();
	});

	test("is refused if it is not UTF-8", () => {
		expect(() => reading("EILSEQ")).toThrow(Refusal);
		expect(() => reading("EILSEQ")).toThrow(/is not UTF-8\n.*--mode print/);
	});

	test("is an error if the file cannot be read", () => {
		expect(() => reading("EIO")).toThrow(/EIO/);
	});
});

test("a path is its directory and its name", () => {
	expect([parentOf(FILE), baseOf(FILE)]).toEqual([CONF, "10-net.conflist"]);
});
