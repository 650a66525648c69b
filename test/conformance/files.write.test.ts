// How the hosts write, move and remove files and directories, lock them, and what
// they throw.

import * as fs from "node:fs";
import { afterAll, expect, test } from "vitest";
import { ended } from "../support/exec.ts";
import { closeAll } from "../support/stuffed.ts";
import { HOSTS, probe, scratch, text } from "./run.ts";
import {
	BIG,
	describeDenied,
	describeRows,
	NO_DEVICES,
	NO_FIFOS,
	NO_LINKS,
	NO_LOCK_FILES,
	type Row,
	TEXT_ALONE,
	type Tree,
} from "./tree.ts";

afterAll(closeAll);

const done = { value: null };

const rows = (tree: Tree): readonly Row[] => {
	const d = tree.dir;
	return [
		{
			name: "writeFile creates with the mode, whatever the umask",
			call: ["writeFile", `${d}/new`, "text \u00e9\u{1f600}", 0o666],
			want: done,
			after: () => {
				expect(tree.text(`${d}/new`)).toBe("text \u00e9\u{1f600}");
				expect(tree.mode(`${d}/new`)).toBe("666");
			},
		},
		{
			name: "writeFile replaces what was there, and its mode",
			call: ["writeFile", `${d}/loose`, "new", 0o600],
			want: done,
			after: () => {
				expect(tree.text(`${d}/loose`)).toBe("new");
				expect(tree.mode(`${d}/loose`)).toBe("600");
			},
		},
		{
			name: "writeFile leaves the other names of a file what they are",
			call: ["writeFile", `${d}/hard`, "new", 0o600],
			want: done,
			after: () => {
				expect(tree.text(`${d}/hard`)).toBe("new");
				expect(tree.text(`${d}/precious`)).toBe("precious");
				expect(tree.mode(`${d}/precious`)).toBe("644");
			},
			notInFake: NO_LINKS,
		},
		{
			name: "writeFile in place of a FIFO does not hang",
			call: ["writeFile", `${d}/waiting`, "new", 0o600],
			want: done,
			after: () => expect(tree.text(`${d}/waiting`)).toBe("new"),
			notInFake: NO_FIFOS,
		},
		{
			name: "writeFile in place of a FIFO that somebody reads gives it nothing",
			call: ["writeFile", `${d}/stuffed-too`, "new", 0o600],
			want: done,
			after: () => expect(tree.text(`${d}/stuffed-too`)).toBe("new"),
			notInFake: NO_FIFOS,
		},
		{
			name: "writeFile of a lone surrogate writes U+FFFD",
			call: ["writeFile", `${d}/surrogate`, "a\ud800b\udc00", 0o600],
			want: done,
			after: () => expect(tree.text(`${d}/surrogate`)).toBe("a\ufffdb\ufffd"),
		},
		{
			name: "writeFile replaces a link, and does not follow it",
			call: ["writeFile", `${d}/other`, "x", 0o600],
			want: done,
			after: () => {
				expect(tree.text(`${d}/file`)).toBe("content\n");
				expect(fs.lstatSync(`${d}/other`).isFile()).toBe(true);
			},
			notInFake: NO_LINKS,
		},
		{
			name: "writeFile does not create what a link points to",
			call: ["writeFile", `${d}/astray`, "x", 0o600],
			want: done,
			after: () => expect(tree.exists(`${d}/nowhere`)).toBe(false),
			notInFake: NO_LINKS,
		},
		{
			name: "writeFile to a directory",
			call: ["writeFile", `${d}/full`, "x", 0o600],
			want: ["EISDIR", "unlink", `${d}/full`],
		},
		{
			name: "writeFile into a missing directory",
			call: ["writeFile", `${d}/missing/x`, "x", 0o600],
			want: ["ENOENT", "open", `${d}/missing/x`],
		},
		{
			name: "appendFile to a full device",
			call: ["appendFile", "/dev/full", "x", 0o600],
			want: ["ENOSPC", "write", "/dev/full"],
			notInFake: NO_DEVICES,
		},
		{
			name: "appendFile creates",
			call: ["appendFile", `${d}/log`, "one\n", 0o640],
			want: { value: 4 },
			after: () => expect(tree.mode(`${d}/log`)).toBe("640"),
		},
		{
			name: "appendFile appends, and tells the size",
			call: ["appendFile", `${d}/log`, "two\n", 0o640],
			want: { value: 8 },
			after: () => expect(tree.text(`${d}/log`)).toBe("one\ntwo\n"),
		},
		{
			name: "appendFile to a FIFO that nobody reads does not hang",
			call: ["appendFile", `${d}/fifo`, "x", 0o600],
			want: ["ENXIO", "open", `${d}/fifo`],
			notInFake: NO_FIFOS,
		},
		{
			name: "appendFile to a full FIFO whose reader has stopped does not hang",
			call: ["appendFile", `${d}/stuffed`, "x", 0o600],
			want: ["EAGAIN", "write", `${d}/stuffed`],
			notInFake: NO_FIFOS,
		},
		{
			name: "appendFile does not follow a link",
			call: ["appendFile", `${d}/link`, "x", 0o600],
			want: ["ELOOP", "open", `${d}/link`],
			after: () => expect(tree.text(`${d}/file`)).toBe("content\n"),
			notInFake: NO_LINKS,
		},
		{
			name: "copyFile copies more than a buffer, with the mode given",
			call: ["copyFile", `${d}/big`, `${d}/copy`, 0o711],
			want: done,
			after: () => {
				expect(tree.text(`${d}/copy`)).toBe(BIG);
				expect(tree.mode(`${d}/copy`)).toBe("711");
			},
		},
		{
			name: "copyFile copies bytes that are not UTF-8",
			call: ["copyFile", `${d}/latin1`, `${d}/copied`, 0o600],
			want: done,
			after: () =>
				expect(fs.readFileSync(`${d}/copied`)).toEqual(
					fs.readFileSync(`${d}/latin1`),
				),
			notInFake: TEXT_ALONE,
		},
		{
			name: "copyFile of a missing file creates nothing",
			call: ["copyFile", `${d}/missing`, `${d}/uncopied`, 0o600],
			want: ["ENOENT", "open", `${d}/missing`],
			after: () => expect(tree.exists(`${d}/uncopied`)).toBe(false),
		},
		{
			name: "copyFile replaces a link at its target, and does not follow it",
			call: ["copyFile", `${d}/big`, `${d}/another`, 0o600],
			want: done,
			after: () => expect(tree.text(`${d}/file`)).toBe("content\n"),
			notInFake: NO_LINKS,
		},
		{
			name: "copyFile into a missing directory",
			call: ["copyFile", `${d}/big`, `${d}/missing/x`, 0o600],
			want: ["ENOENT", "open", `${d}/missing/x`],
		},
		{
			name: "rename replaces",
			call: ["rename", `${d}/from`, `${d}/to`],
			want: done,
			after: () => {
				expect(tree.text(`${d}/to`)).toBe("renamed");
				expect(tree.exists(`${d}/from`)).toBe(false);
			},
		},
		{
			name: "rename of a missing file",
			call: ["rename", `${d}/missing`, `${d}/x`],
			want: ["ENOENT", "rename", `${d}/missing`],
		},
		{
			name: "unlink of a link leaves its target",
			call: ["unlink", `${d}/dangling`],
			want: done,
			after: () => expect(tree.exists(`${d}/dangling`)).toBe(false),
			notInFake: NO_LINKS,
		},
		{
			name: "unlink of a missing file",
			call: ["unlink", `${d}/missing`],
			want: ["ENOENT", "unlink", `${d}/missing`],
		},
		{
			name: "unlink of a directory",
			call: ["unlink", `${d}/full`],
			want: ["EISDIR", "unlink", `${d}/full`],
		},
		{
			name: "mkdir creates parents",
			call: ["mkdir", `${d}/a/b//c/`, 0o700],
			want: { value: 0o700 },
			after: () => {
				expect(tree.mode(`${d}/a/b/c`)).toBe("700");
				expect(tree.mode(`${d}/a`)).toBe("755");
			},
		},
		{
			name: "mkdir of what is there leaves its mode, and tells it",
			call: ["mkdir", `${d}/full`, 0o700],
			want: { value: 0o755 },
			after: () => expect(tree.mode(`${d}/full`)).toBe("755"),
		},
		{
			name: "mkdir of the root",
			call: ["mkdir", "/", 0o700],
			want: { value: Number.parseInt(tree.mode("/"), 8) },
		},
		{
			name: "mkdir where a link to a directory is",
			call: ["mkdir", `${d}/aside`, 0o700],
			want: { value: 0o755 },
			notInFake: NO_LINKS,
		},
		{
			name: "mkdir where a link to itself is",
			call: ["mkdir", `${d}/loop`, 0o700],
			want: ["ELOOP", "open", `${d}/loop`],
			notInFake: NO_LINKS,
		},
		{
			name: "mkdir where a link to nothing is makes nothing",
			call: ["mkdir", `${d}/nothing`, 0o700],
			want: ["ENOENT", "open", `${d}/nothing`],
			after: () => expect(tree.exists(`${d}/gone`)).toBe(false),
			notInFake: NO_LINKS,
		},
		{
			name: "mkdir where a file is",
			call: ["mkdir", `${d}/file`, 0o700],
			want: ["EEXIST", "mkdir", `${d}/file`],
		},
		{
			name: "mkdir below a file",
			call: ["mkdir", `${d}/file/x/y`, 0o700],
			want: ["ENOTDIR", "mkdir", `${d}/file/x/y`],
		},
		{
			name: "chown gives the file away",
			call: ["chown", `${d}/given`, 1000, 4_000_000_000],
			want: done,
			after: () =>
				expect(tree.owner(`${d}/given`)).toEqual({
					uid: 1000,
					gid: 4_000_000_000,
				}),
		},
		{
			name: "chown of what is not there",
			call: ["chown", `${d}/absent`, 0, 0],
			want: ["ENOENT", "chown", `${d}/absent`],
		},
		{
			name: "rmdir of an empty directory",
			call: ["rmdir", `${d}/hollow`],
			want: done,
			after: () => expect(tree.exists(`${d}/hollow`)).toBe(false),
		},
		{
			name: "rmdir of a directory that holds something",
			call: ["rmdir", `${d}/full`],
			want: ["ENOTEMPTY", "rmdir", `${d}/full`],
		},
		{
			name: "rmdir of a file",
			call: ["rmdir", `${d}/file`],
			want: ["ENOTDIR", "rmdir", `${d}/file`],
		},
		{
			name: "sync of a file",
			call: ["sync", `${d}/file`],
			want: done,
		},
		{
			name: "sync of a directory",
			call: ["sync", d],
			want: done,
		},
		{
			name: "sync of a missing file",
			call: ["sync", `${d}/missing`],
			want: ["ENOENT", "open", `${d}/missing`],
		},
		{
			name: "sync of what cannot be synced",
			call: ["sync", "/dev/null"],
			want: ["EINVAL", "fsync", "/dev/null"],
			notInFake: NO_DEVICES,
		},
		{
			name: "flock creates its file for root alone",
			call: ["flock", `${d}/lock`, 100],
			want: done,
			after: () => expect(tree.mode(`${d}/lock`)).toBe("600"),
			notInFake: NO_LOCK_FILES,
		},
		{
			name: "flock does not follow a link",
			call: ["flock", `${d}/link`, 100],
			want: ["ELOOP", "open", `${d}/link`],
			notInFake: NO_LINKS,
		},
		{
			name: "flock in a missing directory",
			call: ["flock", `${d}/missing/lock`, 100],
			want: ["ENOENT", "open", `${d}/missing/lock`],
		},
		{
			name: "rename into a missing directory",
			call: ["rename", `${d}/bom`, `${d}/missing/x`],
			want: ["ENOENT", "rename", `${d}/bom`],
		},
		{
			name: "rename of a file over a directory",
			call: ["rename", `${d}/bom`, `${d}/full`],
			want: ["EISDIR", "rename", `${d}/bom`],
		},
		{
			name: "rename of a directory",
			call: ["rename", `${d}/none`, `${d}/moved`],
			want: done,
			after: () => expect(tree.exists(`${d}/moved`)).toBe(true),
			notInFake: "nobody moves one",
		},
		{
			name: "chown of a directory",
			call: ["chown", `${d}/closed`, 0, 0],
			want: done,
		},
		{
			name: "flock of what is locked already waits its time, and is free when that was released twice",
			call: ["flockTwice", `${d}/lock`, 20],
			want: { value: ["EAGAIN", "locked"] },
		},
		{
			name: "flock of a directory",
			call: ["flock", `${d}/full`, 0],
			want: ["EISDIR", "open", `${d}/full`],
		},
	];
};

describeRows(rows);

describeDenied((d) => {
	const [closed, file, unmade] = [`${d}/closed`, `${d}/file`, `${d}/none/x`];
	return [
		[
			["writeFile", unmade, "x", 0o600],
			["EACCES", "open", unmade],
		],
		[
			["appendFile", file, "x", 0o600],
			["EACCES", "open", file],
		],
		[
			["unlink", `${closed}/x`],
			["EACCES", "unlink", `${closed}/x`],
		],
		[
			["mkdir", `${closed}/x`, 0o700],
			["EACCES", "mkdir", `${closed}/x`],
		],
		[
			["rename", `${closed}/x`, `${d}/y`],
			["EACCES", "rename", `${closed}/x`],
		],
	];
});

test("lines that processes of both hosts append at once stay whole", async () => {
	const file = `${scratch()}/log`;
	const writers = ["a", "b", "c", "d"].map((letter, i) =>
		ended(probe(HOSTS[i % 2] ?? "native", [["appendMany", file, letter, 200]])),
	);
	await Promise.all(writers);
	const lines = text(file).trimEnd().split("\n");
	expect(lines).toHaveLength(800);
	for (const line of lines) expect(line).toMatch(/^(.)\1{199}$/);
});
