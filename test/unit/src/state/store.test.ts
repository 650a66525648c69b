// The records of attachments: written, found, listed and deleted, with any failure of the
// file system and any text in their files.

import { describe, expect, test } from "vitest";
import { Deadline, DeadlineError } from "../../../../src/netlink/deadline.ts";
import type { Attachment, PortRow } from "../../../../src/policy/mapping.ts";
import {
	attachmentIn,
	deleteRecord,
	everyRecord,
	findRecord,
	findRenamed,
	recordOf,
	writeRecord,
} from "../../../../src/state/store.ts";
import { type FakeHostOptions, fakeHost } from "../../../support/fakehost.ts";
import { mapping } from "../../../support/unit/flows.ts";

const DIR = "/run/cni/conntrack-flush";
const ID = { network: "dbnet", containerID: "4f2e", ifname: "eth0" };
const FILE = `${DIR}/dbnet:4f2e:eth0.json`;
const RECORD: Attachment = {
	...ID,
	pod: "ns/name",
	added: 1234,
	mappings: [mapping("IPv4", "udp"), mapping("IPv6", "tcp", "H")],
	podTargets: [],
};
/** The text of the file, whose names are older than those of the code. */
const TEXT = (() => {
	const { podTargets: pods, ...rest } = RECORD;
	return JSON.stringify({ version: 1, ...rest, pods });
})();
const failing =
	(call: string, code: string) =>
	(name: string): string | undefined =>
		name === call ? code : undefined;

describe("writeRecord", () => {
	test("makes the directory, writes beside the file, and renames", () => {
		const host = fakeHost();
		writeRecord(host, DIR, RECORD);
		expect(host.calls).toEqual([
			`mkdir ${DIR}`,
			`writeFile ${FILE}.tmp`,
			`rename ${FILE}.tmp`,
		]);
		expect([...host.files.keys()]).toEqual([FILE]);
	});

	test("is what find finds", () => {
		const host = fakeHost();
		writeRecord(host, DIR, RECORD);
		expect(findRecord(host, DIR, ID)).toEqual(RECORD);
	});

	test("takes the place of an older one", () => {
		const host = fakeHost();
		writeRecord(host, DIR, RECORD);
		writeRecord(host, DIR, { ...RECORD, added: 99 });
		expect(findRecord(host, DIR, ID)?.added).toBe(99);
		expect(host.files.size).toBe(1);
	});

	test.each([
		["a pod without a name", { ...RECORD, pod: undefined }],
		["no mappings", { ...RECORD, mappings: [] }],
		["the path of a namespace", { ...RECORD, netns: "/run/netns/x" }],
		[
			"when its DEL was left to another plugin item",
			{ ...RECORD, unfinished: true, deferredAt: 7 },
		],
		[
			"a pod in place of mappings",
			{ ...RECORD, mappings: [], podTargets: [mapping("IPv4", "udp")] },
		],
	])("keeps %s", (_, a) => {
		const host = fakeHost();
		writeRecord(host, DIR, a);
		expect(findRecord(host, DIR, ID)).toEqual({
			...a,
			...(a.pod === undefined && { pod: undefined }),
		});
	});

	describe("of ports in a row", () => {
		const [V4] = RECORD.mappings;
		const ROW = { ...(V4 as PortRow), hostPort: 10_000, count: 20_000 };
		const MANY: Attachment = { ...RECORD, mappings: [ROW] };

		test("is what find finds", () => {
			const host = fakeHost();
			writeRecord(host, DIR, MANY);
			expect(findRecord(host, DIR, ID)).toEqual(MANY);
		});

		// the record of the first release, as its reader wants it
		test("is a record to a version that knows no rows, and names the whole pod", () => {
			const host = fakeHost();
			writeRecord(host, DIR, MANY);
			const { family, proto, podIP } = ROW;
			expect(JSON.parse(host.files.get(FILE) ?? "")).toMatchObject({
				version: 1,
				mappings: [V4 && { ...V4, hostPort: 10_000 }],
				pods: [{ family, proto, podIP }],
			});
		});

		test("is the same after such a version has written it anew", () => {
			const host = fakeHost();
			writeRecord(host, DIR, MANY);
			const { gone: _, ...text } = JSON.parse(host.files.get(FILE) ?? "");
			host.writeFile(FILE, JSON.stringify({ ...text, gone: true }), 0o600);
			expect(findRecord(host, DIR, ID)).toEqual({ ...MANY, unfinished: true });
		});

		test("is read from one with ten thousand single ports of both families", () => {
			const mappings = RECORD.mappings.flatMap((m) =>
				Array.from({ length: 10_000 }, (_, i) => ({
					...m,
					hostPort: 10_000 + i,
					containerPort: 20_000 + i,
				})),
			);
			const { podTargets: pods, ...rest } = RECORD;
			const text = JSON.stringify({ version: 1, ...rest, mappings, pods });
			expect(text.length).toBeGreaterThan(1 << 20);
			const host = fakeHost({ files: { [FILE]: text } });
			const rows = RECORD.mappings.map((m) => ({
				...m,
				hostPort: 10_000,
				containerPort: 20_000,
				count: 10_000,
			}));
			expect(findRecord(host, DIR, ID)?.mappings).toEqual(rows);
			expect(everyRecord(host, DIR)).toHaveLength(1);
		});
	});

	test("refuses what nobody could read again, and leaves an older one whole", () => {
		const host = fakeHost({ files: { [FILE]: TEXT } });
		const a = { ...RECORD, pod: "x".repeat(8 << 20) };
		expect(() => writeRecord(host, DIR, a)).toThrow(
			/^the record would have \d+ bytes$/,
		);
		expect([...host.files]).toEqual([[FILE, TEXT]]);
	});

	test.each([
		["mkdir", "EROFS"],
		["mkdir", "EACCES"],
		["writeFile", "ENOSPC"],
		["writeFile", "ELOOP"],
		["rename", "EIO"],
	])(
		"throws when %s fails with %s, and leaves an older one whole",
		(call, code) => {
			const host = fakeHost({
				files: { [FILE]: TEXT },
				fail: failing(call, code),
			});
			expect(() => writeRecord(host, DIR, { ...RECORD, added: 99 })).toThrow(
				code,
			);
			expect(host.files.get(FILE)).toBe(TEXT);
		},
	);
});

/** Contents that are no attachment. */
const FOREIGN: readonly [string, string][] = [
	["empty", ""],
	["cut short", TEXT.slice(0, 60)],
	["cut before the last brace", TEXT.slice(0, -1)],
	["null", "null"],
	["a number", "7"],
	["an array", "[null, 7]"],
	["an empty object", "{}"],
	["no JSON", "hello\n"],
	["of no version", TEXT.replace('"version":1,', "")],
	["of a later version", TEXT.replace('"version":1', '"version":2')],
	["without network", TEXT.replace('"network"', '"x"')],
	["with a number for container", TEXT.replace('"4f2e"', "7")],
	[
		"with mappings that are none",
		TEXT.replace(/"mappings":\[.*?\],"pods"/, '"mappings":{},"pods"'),
	],
	["with a null mapping", TEXT.replace('"mappings":[', '"mappings":[null,')],
	["with a mapping without pod", TEXT.replace('"podIP"', '"x"')],
	["with a text for a port", TEXT.replace("8125", '"8125"')],
	["without hostIP", TEXT.replace('"hostIP":null,', "")],
	["of another attachment", TEXT.replace("4f2e", "beef")],
	["with a pod that is no address", TEXT.replace("10.88.0.2", "pod")],
	["with an address of another family", TEXT.replace("10.88.0.2", "fd88::9")],
	["with an address in another spelling", TEXT.replace("fd88::2", "fd88:0::2")],
	[
		"with a number for a namespace",
		TEXT.replace('"added"', '"netns":7,"added"'),
	],
	[
		"with a text for a time",
		TEXT.replace('"added"', '"deferredAt":"7","added"'),
	],
	["with a null pod", TEXT.replace('"pods":[', '"pods":[null')],
	["with no ports in a row", TEXT.replace("5353", '5353,"count":0')],
	["with a row that ends nowhere", TEXT.replace("5353", '5353,"count":60000')],
	["with half a port", TEXT.replace("5353", '5353,"count":1.5')],
	["with a word for vague", TEXT.replace('"added"', '"vague":"yes","added"')],
];

describe("findRecord", () => {
	test.each(FOREIGN)("passes over a file that is %s", (_, text) => {
		expect(text).not.toBe(TEXT);
		const host = fakeHost({ files: { [FILE]: text } });
		expect(findRecord(host, DIR, ID)).toBeUndefined();
	});

	test.each<[string, FakeHostOptions]>([
		["no file", {}],
		["no directory", { directories: ["/run"] }],
		["a file for the directory", { files: { [DIR]: "" } }],
		[
			"a file that is no text",
			{ files: { [FILE]: TEXT }, fail: failing("readFile", "EILSEQ") },
		],
	])("finds nothing: %s", (_, options) =>
		expect(findRecord(fakeHost(options), DIR, ID)).toBeUndefined(),
	);

	test.each(["EACCES", "EIO", "ELOOP", "ENAMETOOLONG"])(
		"throws %s, which does not say that there is none",
		(code) => {
			const host = fakeHost({
				files: { [FILE]: TEXT },
				fail: failing("readFile", code),
			});
			expect(() => findRecord(host, DIR, ID)).toThrow(code);
		},
	);

	test("a file with a port that is none is foreign", () => {
		const host = fakeHost({ files: { [FILE]: TEXT.replace("8125", "70000") } });
		expect(findRecord(host, DIR, ID)).toBeUndefined();
	});
});

describe("everyRecord", () => {
	test("finds every record and passes over what is none", () => {
		const files: Record<string, string> = {
			[FILE]: TEXT,
			[FILE.replace("dbnet", "other")]: TEXT.replace("dbnet", "other"),
			[`${DIR}/dbnet:1:eth0.json`]: TEXT, // another attachment's
			[`${DIR}/half:1:eth0.json.tmp`]: TEXT,
			[`${DIR}/README`]: TEXT,
			[`${DIR}/lock`]: "",
		};
		for (const [n, [, text]] of FOREIGN.entries())
			files[`${DIR}/${n}.json`] = text;
		const found = everyRecord(fakeHost({ files }), DIR);
		expect(found.map((a) => a.network).sort()).toEqual(["dbnet", "other"]);
	});

	test("names what is no record, with its text if it has one", () => {
		const files = {
			[FILE]: TEXT,
			[`${DIR}/cut.json`]: TEXT.slice(0, -1),
			[`${DIR}/bad.json`]: TEXT,
			[`${DIR}/gone.json`]: TEXT,
			[`${DIR}/foreign.json`]: "without the word",
		};
		const codes: Record<string, string> = { bad: "EIO", gone: "ENOENT" };
		const fail = (call: string, path: string) =>
			call === "readFile"
				? Object.entries(codes).find(([name]) =>
						path.endsWith(`${name}.json`),
					)?.[1]
				: undefined;
		const unreadable: [string, string | undefined][] = [];
		everyRecord(fakeHost({ files, fail }), DIR, ["10.88.0.2"], {
			onUnreadable: (...file) => unreadable.push(file),
		});
		expect(unreadable.sort()).toEqual([
			["bad.json", undefined],
			["cut.json", TEXT.slice(0, -1)],
			["foreign.json", "without the word"],
		]);
	});

	test("gives up when the time is over", () => {
		const host = fakeHost({ files: { [FILE]: TEXT } });
		const deadline = new Deadline(host, 10);
		expect(everyRecord(host, DIR, [""], { deadline })).toHaveLength(1);
		host.clock.ms = 11;
		expect(() => everyRecord(host, DIR, [""], { deadline })).toThrow(
			DeadlineError,
		);
	});

	test("none without a directory", () => {
		expect(everyRecord(fakeHost(), DIR)).toEqual([]);
		expect(everyRecord(fakeHost({ files: { [DIR]: "" } }), DIR)).toEqual([]);
	});

	test("one that vanished meanwhile is not there", () => {
		const files = { [FILE]: TEXT, [`${DIR}/gone.json`]: TEXT };
		const fail = (call: string, path: string) =>
			call === "readFile" && path.endsWith("gone.json") ? "ENOENT" : undefined;
		expect(everyRecord(fakeHost({ files, fail }), DIR)).toHaveLength(1);
	});

	test.each(["EISDIR", "EACCES", "EIO", "ELOOP"])(
		"one that cannot be read (%s) does not hide the others",
		(code) => {
			const files = { [FILE]: TEXT, [`${DIR}/bad.json`]: TEXT };
			const fail = (call: string, path: string) =>
				call === "readFile" && path.endsWith("bad.json") ? code : undefined;
			expect(everyRecord(fakeHost({ files, fail }), DIR)).toHaveLength(1);
		},
	);

	test.each(["EACCES", "EIO"])("throws %s of the directory itself", (code) => {
		const host = fakeHost({
			files: { [FILE]: TEXT },
			fail: failing("readDir", code),
		});
		expect(() => everyRecord(host, DIR)).toThrow(code);
	});
});

describe("findRenamed", () => {
	const FORMER = FILE.replace("dbnet", "former");
	const RENAMED = TEXT.replace("dbnet", "former");

	test.each<[string, Record<string, string>, string | undefined]>([
		[
			"another network's of the same interface",
			{ [FORMER]: RENAMED },
			"former",
		],
		[
			"none of another interface",
			{ [FORMER.replace("eth0", "eth1")]: RENAMED.replace("eth0", "eth1") },
			undefined,
		],
		[
			"none of another container",
			{ [FORMER.replace("4f2e", "x4f2e")]: RENAMED.replace("4f2e", "x4f2e") },
			undefined,
		],
		["none in a file that is foreign", { [FORMER]: TEXT }, undefined],
		["none where there is none", {}, undefined],
	])("finds %s", (_, files, want) =>
		expect(findRenamed(fakeHost({ files }), DIR, ID)?.network).toBe(want),
	);
});

describe("deleteRecord", () => {
	test("deletes this one alone", () => {
		const other = `${DIR}/dbnet:4f2e:eth1.json`;
		const host = fakeHost({ files: { [FILE]: TEXT, [other]: TEXT } });
		deleteRecord(host, DIR, ID);
		expect([...host.files.keys()]).toEqual([other]);
	});

	test.each<[string, FakeHostOptions]>([
		["twice", {}],
		["without a directory", { directories: ["/run"] }],
		["with a file for the directory", { files: { [DIR]: "" } }],
	])("is done already: %s", (_, options) =>
		expect(() => deleteRecord(fakeHost(options), DIR, ID)).not.toThrow(),
	);

	test.each(["EROFS", "EACCES", "EIO"])("throws %s", (code) => {
		const host = fakeHost({
			files: { [FILE]: TEXT },
			fail: failing("unlink", code),
		});
		expect(() => deleteRecord(host, DIR, ID)).toThrow(code);
	});
});

test.each([
	[17, 17],
	[256, 256],
	[257, 1],
])(
	"%i ports in a row are recorded as %i items: a version that knows no rows sees few ports",
	(count, items) => {
		const [m] = RECORD.mappings;
		const mappings = [{ ...(m as PortRow), count }];
		const record = recordOf({ ...RECORD, mappings });
		expect(record.mappings).toHaveLength(items);
		expect(attachmentIn(JSON.parse(JSON.stringify(record)))?.mappings).toEqual(
			mappings,
		);
	},
);
