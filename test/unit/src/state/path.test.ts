// The path of a record's file: it leads out of no directory, and no two attachments
// share it.

import { describe, expect, test } from "vitest";
import type { Attachment } from "../../../../src/policy/mapping.ts";
import { pathOf, readRecord } from "../../../../src/state/path.ts";
import {
	deleteRecord,
	everyRecord,
	findRecord,
	writeRecord,
} from "../../../../src/state/store.ts";
import { fakeHost } from "../../../support/fakehost.ts";

const DIR = "/run/cni/conntrack-flush";
const ID = { network: "dbnet", containerID: "4f2e", ifname: "eth0" };
const RECORD: Attachment = {
	...ID,
	pod: "ns/name",
	added: 1234,
	mappings: [],
	podTargets: [],
};

describe("names", () => {
	test.each([
		["a path", { ...ID, network: "../../etc" }],
		["an absolute path", { ...ID, containerID: "/etc/passwd" }],
		["a dot", { ...ID, network: "." }],
		[
			"two dots in each part",
			{ network: "..", containerID: "..", ifname: ".." },
		],
		["a slash in the interface", { ...ID, ifname: "a/b" }],
		["a backslash and a NUL", { ...ID, ifname: "a\\b\0" }],
		["a new line", { ...ID, containerID: "a\nb" }],
		["a percent sign", { ...ID, containerID: "%2e%2e%2f" }],
		["a network of 300", { ...ID, network: "n".repeat(300) }],
		["a container of 1000", { ...ID, containerID: "c".repeat(1000) }],
		["the longest that stays as it is", { ...ID, network: "n".repeat(230) }],
		["the shortest that does not", { ...ID, network: "n".repeat(231) }],
	])("with %s stay in the directory", (_, id) => {
		const host = fakeHost({
			// the longest name that file systems have
			fail: (_, path) => (/[^/]{256}/.test(path) ? "ENAMETOOLONG" : undefined),
		});
		writeRecord(host, DIR, { ...RECORD, ...id });
		const [path = ""] = host.files.keys();
		expect(path.slice(0, DIR.length + 1)).toBe(`${DIR}/`);
		expect(path.slice(DIR.length + 1)).toMatch(/^[^/\0\n]+\.json$/);
		expect(findRecord(host, DIR, id)).toMatchObject(id);
		expect(everyRecord(host, DIR)).toHaveLength(1);
		deleteRecord(host, DIR, id);
		expect(host.files.size).toBe(0);
	});

	test.each([
		[
			{ network: "a:b", containerID: "c", ifname: "d" },
			{ network: "a", containerID: "b:c", ifname: "d" },
		],
		[
			{ network: "a", containerID: "b", ifname: "c" },
			{ network: "a", containerID: "b:c", ifname: "" },
		],
		[
			{ network: "a%3Ab", containerID: "c", ifname: "d" },
			{ network: "a:b", containerID: "c", ifname: "d" },
		],
		[
			{ ...ID, network: `${"n".repeat(300)}a` },
			{ ...ID, network: `${"n".repeat(300)}b` },
		],
		[
			{ ...ID, network: "n".repeat(250), ifname: "ab" },
			{ ...ID, network: "n".repeat(250), ifname: "ba" },
		],
		[
			{ ...ID, network: "n".repeat(300) },
			{ ...ID, network: "n".repeat(301) },
		],
	])("that look alike are two: %j and %j", (a, b) => {
		const host = fakeHost();
		writeRecord(host, DIR, { ...RECORD, ...a });
		writeRecord(host, DIR, { ...RECORD, ...b });
		expect(host.files.size).toBe(2);
	});
});

describe("pathOf", () => {
	test("has the three parts of the attachment, with colons between them", () =>
		expect(pathOf(DIR, ID)).toBe(`${DIR}/dbnet:4f2e:eth0.json`));

	test("keeps the beginning of a name that is too long", () => {
		const path = pathOf(DIR, { ...ID, network: "n".repeat(300) });
		expect(path).toMatch(/^\/run\/cni\/conntrack-flush\/n{200},\d+\.json$/);
	});
});

describe("readRecord", () => {
	const PATH = pathOf(DIR, ID);
	const failing = (code: string) =>
		fakeHost({
			files: { [PATH]: "text" },
			fail: (call) => (call === "readFile" ? code : undefined),
		});

	test("returns the file's text, whatever it is", () =>
		expect(readRecord(fakeHost({ files: { [PATH]: "text" } }), PATH)).toBe(
			"text",
		));

	test.each(["ENOENT", "ENOTDIR", "EILSEQ"])(
		"returns undefined for %s: there is no record",
		(code) => expect(readRecord(failing(code), PATH)).toBeUndefined(),
	);

	test.each(["EACCES", "EIO", "ELOOP"])(
		"throws %s, which does not say that there is no record",
		(code) => expect(() => readRecord(failing(code), PATH)).toThrow(code),
	);
});
