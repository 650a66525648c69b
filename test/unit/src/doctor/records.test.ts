// The check of the records: those that cannot be read, and those of pods that are gone.

import { describe, expect, test } from "vitest";
import { checkRecords } from "../../../../src/doctor/records.ts";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { DIR } from "../../../support/unit/calls.ts";
import {
	CONF_DIR,
	doctor,
	list,
	PORTMAP,
	withoutTables,
} from "../../../support/unit/checkup.ts";
import { mapping } from "../../../support/unit/flows.ts";
import { records } from "../../../support/unit/garbage.ts";
import {
	attached,
	CACHE,
	cachedFile,
	recordsOf,
} from "../../../support/unit/world.ts";

const WHERE = {
	root: "",
	binDirs: [],
	confDir: undefined,
	confName: undefined,
	cacheDir: CACHE,
	dataDir: DIR,
};

test("records that can all be read make no finding", async () => {
	const host = fakeHost({ files: await records("a", "b") });
	const { found, findings } = checkRecords(host, WHERE);
	expect(findings).toEqual([]);
	expect(found?.map((a) => a.containerID)).toEqual(["a", "b"]);
});

test("a directory that is not there holds none", () => {
	expect(checkRecords(fakeHost(), WHERE)).toEqual({
		found: [],
		findings: [],
	});
});

test("records that cannot be read are counted", async () => {
	const { code, out } = await doctor({
		kernel: { entries: [] },
		answer: withoutTables,
		files: {
			...(await records("a", "b")),
			[`${DIR}/x:y:z.json`]: "{",
		},
	});
	expect(code).toBe(0);
	expect(out).toMatch(
		`warn  records: 1 in ${DIR} cannot be read, and their pods are not known\n`,
	);
	expect(out).toMatch(/^ok {4}stale entries: none, of 2 attachments/m);
});

test("records of another version are kept: no advice to delete them, and their pods count", async () => {
	const foreign = {
		version: 2,
		network: "podnet",
		containerID: "z",
		ifname: "eth0",
		added: 1,
		at: [{ podIP: "10.88.0.9" }],
	};
	const files = {
		...(await records("a")),
		[`${DIR}/podnet:z:eth0.json`]: JSON.stringify(foreign),
	};
	const { code, out } = await doctor({
		kernel: { entries: [] },
		answer: withoutTables,
		files,
	});
	expect(code).toBe(0);
	const text = out.replace(/\s+/g, " ");
	expect(text).toContain(
		`warn records: 1 in ${DIR} is of another version of the plugin, and kept: their ports are not known delete none: the DEL of such a pod removes all that leads to its addresses`,
	);
	expect(out).not.toMatch("cannot be read");
	const { found } = checkRecords(fakeHost({ files }), WHERE);
	expect(found?.map((a) => a.containerID)).toEqual(["a", "z"]);
});

test("records in a directory that cannot be read: nothing is said of stale entries", async () => {
	const { code, out } = await doctor({
		fail: (c, path) => (c === "readDir" && path === DIR ? "EACCES" : undefined),
	});
	expect(code).toBe(0);
	expect(out).toMatch(
		/^warn {2}records: .*EACCES\n {6}say where .*--data-dir/m,
	);
	expect(out).not.toContain("stale entries");
});

test("records that cannot be read: a warning, and the rest is checked", async () => {
	const { code, out } = await doctor({
		fail: (c, path) => (c === "readDir" && path === DIR ? "EACCES" : undefined),
	});
	expect(code).toBe(0);
	expect(out).toMatch(/^warn {2}records: .*EACCES\n {6}say where/m);
	expect(out).toMatch(/^ok {4}table fill/m);
});

describe("records of pods that may be gone", () => {
	const NETNS = "/run/netns";
	const A: Attachment = {
		...attached("a", mapping("IPv4", "udp")),
		network: "former",
		netns: `${NETNS}/a`,
	};
	const { netns: _, ...OLDER } = A;
	const B: Attachment = { ...A, containerID: "b", network: "first" };
	/** An hour after they were recorded. */
	const LATER = { ms: 3_600_000 };
	const ANOTHER = { [`${NETNS}/another`]: "" };
	const GONE = (n: number, whose: string) =>
		`${n} of pods that are gone, of ${whose}`;
	const UNKNOWN =
		"1 of network former, which no configuration names and no running pod has";

	test.each<[string, Attachment[], Record<string, string>, string[], string[]]>(
		[
			[
				"a namespace that is there: nothing is said",
				[A],
				{ [`${NETNS}/a`]: "" },
				[],
				["a"],
			],
			[
				"a namespace that is gone",
				[A],
				ANOTHER,
				[GONE(1, "network former")],
				[],
			],
			["two of them", [A, B], ANOTHER, [GONE(2, "networks first, former")], []],
			[
				"an unfinished DEL is no finding",
				[{ ...A, unfinished: true }],
				ANOTHER,
				[],
				[],
			],
			["no path, and no such network", [OLDER], {}, [UNKNOWN], ["a"]],
			[
				"no path, and the network is configured",
				[{ ...OLDER, network: "podnet" }],
				{},
				[],
				["a"],
			],
			[
				"no path, and a running pod has the network",
				[OLDER],
				{ ...cachedFile(OLDER), ...cachedFile({ ...OLDER, containerID: "c" }) },
				[],
				["a"],
			],
		],
	)("%s", (_, attachments, files, want, alive) => {
		const host = fakeHost({
			clock: LATER,
			files: {
				[`${CONF_DIR}/10.conflist`]: list(PORTMAP),
				...recordsOf(DIR, ...attachments),
				...files,
			},
		});
		const { found, findings } = checkRecords(host, WHERE);
		expect(findings.map((f) => f.found)).toEqual(want);
		expect(found?.map((a) => a.containerID)).toEqual(alive);
	});

	test.each<[string, Record<string, string>]>([
		["no directory of configurations is found", {}],
		["the directory cannot be read", { [`${CONF_DIR}/10.conflist`]: "" }],
	])("nothing is said of networks if %s", (_, files) => {
		const host = fakeHost({
			files: { ...recordsOf(DIR, OLDER), ...files },
			fail: (call, path) =>
				call === "readDir" && path === CONF_DIR && Object.keys(files).length > 0
					? "EACCES"
					: undefined,
		});
		expect(checkRecords(host, WHERE).findings).toEqual([]);
	});

	test("each comes with the one command that helps", async () => {
		const { out } = await doctor({
			kernel: { entries: [] },
			files: { ...recordsOf(DIR, OLDER) },
		});
		expect(out).toMatch(
			`warn  records: ${UNKNOWN}\n      crictl pods -q --no-trunc | conntrack-flush gc --valid - --network former\n`,
		);
	});
});
