// The check that records can be read, and what is left out if they cannot.

import { expect, test } from "vitest";
import { checkRecords } from "../../../../src/doctor/records.ts";
import { fakeHost } from "../../../support/fakehost.ts";
import { DIR } from "../../../support/unit/calls.ts";
import { doctor } from "../../../support/unit/checkup.ts";
import { records } from "../../../support/unit/garbage.ts";

test("records that can all be read make no finding", async () => {
	const host = fakeHost({ files: await records("a", "b") });
	const { found, findings } = checkRecords(host, DIR);
	expect(findings).toEqual([]);
	expect(found?.attachments.map((a) => a.containerID)).toEqual(["a", "b"]);
});

test("a directory that is not there holds none", () => {
	expect(checkRecords(fakeHost(), DIR)).toEqual({
		found: { attachments: [], unreadable: 0 },
		findings: [],
	});
});

test("records that cannot be read are counted", async () => {
	const { code, out } = await doctor({
		kernel: { entries: [] },
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
