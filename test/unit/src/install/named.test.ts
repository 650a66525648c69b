// The files that still name the executable.

import { describe, expect, test } from "vitest";
import {
	configurations,
	namedInCache,
	namesUs,
} from "../../../../src/install/named.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import {
	CONF,
	DROP_IN,
	EDITED,
	FILE,
	LIST,
	WHERE,
} from "../../../support/unit/installing.ts";

const named = (files: Readonly<Record<string, string>>): string[] => {
	const host = fakeHost({ files });
	return configurations(host, WHERE).filter((path) => namesUs(host, path));
};

describe("the directory of configurations", () => {
	test.each<[string, string, string, boolean]>([
		["a conflist with our plugin items", FILE, EDITED, true],
		["a conflist without us", FILE, LIST, false],
		["a file of Cilium's renaming", `${FILE}.cilium_bak`, EDITED, true],
		["half of a file", `${CONF}/x.conf`, `{"type":"conntrack-flush",`, true],
		["our drop-in", DROP_IN, `{"type":"conntrack-flush"}`, true],
		[
			"a drop-in of another name",
			`${CONF}/n/10-x.conf`,
			`{"type":"conntrack-flush"}`,
			true,
		],
		["a name that libcni does not read", `${CONF}/x.bak`, EDITED, false],
		[
			"such a name beside drop-ins",
			`${CONF}/n/10-x.json`,
			`{"type":"conntrack-flush"}`,
			false,
		],
		[
			"a longer name than ours",
			FILE,
			LIST.replace("portmap", "conntrack-flush-2"),
			false,
		],
	])("%s: %s", (_, path, text, isNamed) => {
		expect(named({ [path]: text })).toEqual(isNamed ? [path] : []);
	});

	test("conflists come first, then drop-ins, each in the order of the names", () => {
		const paths = [
			`${CONF}/10-a.conf`,
			`${CONF}/20-b.conflist`,
			`${CONF}/m/x.conf`,
			`${CONF}/n/x.conf`,
		];
		const files = Object.fromEntries(
			paths.toReversed().map((path) => [path, EDITED]),
		);
		expect(named(files)).toEqual(paths);
	});

	test("is absent: nothing names us", () => {
		expect(configurations(fakeHost(), WHERE)).toEqual([]);
	});

	test.each([
		["by its path", `"clusterNetwork":"/run/multus/10-net.conflist"`],
		[
			"by its path in Multus's container",
			`"clusterNetwork":"/host/run/multus/10-net.conflist"`,
		],
		["by its directory", `"clusterNetwork":"/run/multus"`],
		["by its name", `"clusterNetwork":"n","confDir":"/run/multus"`],
	])("and a file to which a Multus leads, %s", (_, keys) => {
		const path = "/run/multus/10-net.conflist";
		const files = {
			[`${CONF}/00-multus.conf`]: `{"name":"m","type":"multus-shim",${keys}}`,
			[path]: EDITED,
		};
		expect(named(files)).toEqual([path]);
	});
});

describe("a cache", () => {
	const DIR = "/var/lib/cni/results";
	const inCache = (text: string): string[] =>
		namedInCache(fakeHost({ files: { [`${DIR}/n-4f2e-eth0`]: text } }), DIR);
	const base64 = (text: string): string =>
		JSON.stringify({ config: Buffer.from(text).toString("base64") });

	test.each(["", "x", "xx"])(
		"a configuration in base64, after %j, names us",
		(before) => {
			// the name comes once, so each of the three forms in base64 is needed
			expect(
				inCache(base64(`${before}{"type":"conntrack-flush"}`)),
			).toHaveLength(1);
			expect(inCache(base64(before + LIST))).toEqual([]);
		},
	);

	test("a configuration in plain text names us", () => {
		expect(inCache(EDITED)).toHaveLength(1);
	});

	test("is absent: nothing names us", () => {
		expect(namedInCache(fakeHost(), "/nowhere")).toEqual([]);
	});
});

describe("one path", () => {
	test("a directory names nobody", () => {
		expect(namesUs(fakeHost({ directories: [FILE] }), FILE)).toBe(false);
	});

	test("nothing names nobody", () => {
		expect(namesUs(fakeHost(), FILE)).toBe(false);
	});

	test.each(["stat", "readFile"])(
		"a file may name us if it cannot be read: %s fails",
		(at) => {
			const fail = (call: string) => (call === at ? "EIO" : undefined);
			const host = fakeHost({ files: { [FILE]: LIST }, fail });
			expect(namesUs(host, FILE)).toBe(true);
		},
	);

	test.each([
		[EDITED, true],
		[LIST, false],
	])("a file that is not UTF-8 is read by its bytes: %#", (text, want) => {
		const fail = (call: string) => (call === "readFile" ? "EILSEQ" : undefined);
		const host = fakeHost({ files: { [FILE]: text }, fail });
		expect(namesUs(host, FILE)).toBe(want);
	});
});
