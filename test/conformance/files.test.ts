// What the hosts do to files, and what they throw.

import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { FileStat } from "../../src/host.ts";
import { closeAll, stuff } from "../support/stuffed.ts";
import type { Call, Outcome } from "./probe.ts";
import {
	check,
	ended,
	HOSTS,
	outcomes,
	scratch,
	start,
	text,
	type Want,
} from "./run.ts";

const NOBODY = 65534;

afterAll(closeAll);

/** The same tree for each host, so that neither sees the other's changes. */
function tree(): string {
	const dir = scratch();
	process.umask(0o022);
	fs.chmodSync(dir, 0o777);
	fs.writeFileSync(`${dir}/file`, "content\n", { mode: 0o644 });
	fs.writeFileSync(`${dir}/loose`, "old and longer", { mode: 0o666 });
	fs.writeFileSync(`${dir}/latin1`, Buffer.from([0x63, 0xe9]));
	fs.writeFileSync(`${dir}/bom`, "\ufefftext");
	fs.writeFileSync(`${dir}/empty`, "");
	fs.writeFileSync(`${dir}/from`, "renamed");
	fs.writeFileSync(`${dir}/to`, "replaced");
	fs.symlinkSync("file", `${dir}/link`);
	fs.symlinkSync("loop", `${dir}/loop`);
	fs.symlinkSync("nowhere", `${dir}/dangling`);
	fs.mkdirSync(`${dir}/full/sub`, { recursive: true });
	fs.writeFileSync(`${dir}/full/name`, "");
	fs.writeFileSync(`${dir}/given`, "");
	fs.writeFileSync(`${dir}/theirs`, "", { mode: 0o640 });
	fs.chownSync(`${dir}/theirs`, 1000, 1001);
	fs.mkdirSync(`${dir}/closed`, { mode: 0o700 });
	fs.mkdirSync(`${dir}/none`);
	fs.mkdirSync(`${dir}/hollow`);
	fs.writeFileSync(`${dir}/big`, "x".repeat(1 << 20), { mode: 0o755 });
	fs.writeFileSync(`${dir}/huge`, "x".repeat((1 << 20) + 1));
	fs.writeFileSync(`${dir}/sparse`, "");
	fs.truncateSync(`${dir}/sparse`, 2 ** 40);
	fs.writeFileSync(`${dir}/precious`, "precious", { mode: 0o644 });
	fs.linkSync(`${dir}/precious`, `${dir}/hard`);
	fs.symlinkSync("file", `${dir}/other`);
	fs.symlinkSync("file", `${dir}/another`);
	fs.symlinkSync("nowhere", `${dir}/astray`);
	fs.symlinkSync("full", `${dir}/aside`);
	execFileSync("mkfifo", [`${dir}/fifo`, `${dir}/waiting`]);
	stuff(`${dir}/stuffed`);
	stuff(`${dir}/stuffed-too`);
	fs.chmodSync(`${dir}/fifo`, 0o1640);
	fs.symlinkSync("gone", `${dir}/nothing`);
	return dir;
}

interface Row {
	readonly name: string;
	readonly call: Call;
	readonly want: Want;
	/** What the tree must look like afterwards. */
	readonly after?: () => void;
}

const done = { value: null };
const mode = (path: string): string =>
	(fs.lstatSync(path).mode & 0o7777).toString(8);

/** What the host must say; the numbers that are the machine's come from Node. */
function stat(path: string, kind: FileStat["kind"], mode: number): FileStat {
	const { uid, gid, size, mtimeMs, ino } = fs.statSync(path);
	return { kind, mode, uid, gid, size, mtimeMs, ino };
}

const rows = (d: string): readonly Row[] => [
	{
		name: "readFile returns the content",
		call: ["readFile", `${d}/file`],
		want: { value: "content\n" },
	},
	{
		name: "readFile follows a link",
		call: ["readFile", `${d}/link`],
		want: { value: "content\n" },
	},
	{
		name: "readFile of an empty file",
		call: ["readFile", `${d}/empty`],
		want: { value: "" },
	},
	{
		name: "readFile keeps a byte order mark",
		call: ["readFile", `${d}/bom`],
		want: { value: "\ufefftext" },
	},
	{
		name: "readFile of a file that says it is empty, but is not",
		call: ["readFile", "/proc/sys/kernel/ostype"],
		want: { value: "Linux\n" },
	},
	{
		name: "readFile of what is not UTF-8",
		call: ["readFile", `${d}/latin1`],
		want: ["EILSEQ", "read", `${d}/latin1`],
	},
	{
		name: "readFile of a missing file",
		call: ["readFile", `${d}/missing`],
		want: ["ENOENT", "open", `${d}/missing`],
	},
	{
		name: "readFile below a file",
		call: ["readFile", `${d}/file/x`],
		want: ["ENOTDIR", "open", `${d}/file/x`],
	},
	{
		name: "readFile of a directory",
		call: ["readFile", `${d}/full`],
		want: ["EISDIR", "read", `${d}/full`],
	},
	{
		name: "readFile of a link to itself",
		call: ["readFile", `${d}/loop`],
		want: ["ELOOP", "open", `${d}/loop`],
	},
	{
		name: "readFile of a mebibyte",
		call: ["readFile", `${d}/big`],
		want: { value: text(`${d}/big`) },
	},
	{
		name: "readFile of more than a mebibyte",
		call: ["readFile", `${d}/huge`],
		want: ["EFBIG", "read", `${d}/huge`],
	},
	{
		name: "readFile of as much as was asked for",
		call: ["readFile", `${d}/huge`, 2 << 20],
		want: { value: text(`${d}/huge`) },
	},
	{
		name: "readFile of a sparse file that is larger than memory",
		call: ["readFile", `${d}/sparse`],
		want: ["EFBIG", "read", `${d}/sparse`],
	},
	{
		name: "readBytes of a sparse file that is larger than memory",
		call: ["readBytes", `${d}/sparse`],
		want: ["EFBIG", "read", `${d}/sparse`],
	},
	{
		name: "readFile of a path with a NUL",
		call: ["readFile", `${d}/file\0x`],
		want: ["EINVAL", "open", `${d}/file\0x`],
	},
	{
		name: "writeFile creates with the mode, whatever the umask",
		call: ["writeFile", `${d}/new`, "text \u00e9\u{1f600}", 0o666],
		want: done,
		after: () => {
			expect(text(`${d}/new`)).toBe("text \u00e9\u{1f600}");
			expect(mode(`${d}/new`)).toBe("666");
		},
	},
	{
		name: "writeFile replaces what was there, and its mode",
		call: ["writeFile", `${d}/loose`, "new", 0o600],
		want: done,
		after: () => {
			expect(text(`${d}/loose`)).toBe("new");
			expect(mode(`${d}/loose`)).toBe("600");
		},
	},
	{
		name: "writeFile leaves the other names of a file what they are",
		call: ["writeFile", `${d}/hard`, "new", 0o600],
		want: done,
		after: () => {
			expect(text(`${d}/hard`)).toBe("new");
			expect(text(`${d}/precious`)).toBe("precious");
			expect(mode(`${d}/precious`)).toBe("644");
		},
	},
	{
		name: "writeFile in place of a FIFO does not hang",
		call: ["writeFile", `${d}/waiting`, "new", 0o600],
		want: done,
		after: () => expect(text(`${d}/waiting`)).toBe("new"),
	},
	{
		name: "writeFile in place of a FIFO that somebody reads gives it nothing",
		call: ["writeFile", `${d}/stuffed-too`, "new", 0o600],
		want: done,
		after: () => expect(text(`${d}/stuffed-too`)).toBe("new"),
	},
	{
		name: "writeFile of a lone surrogate writes U+FFFD",
		call: ["writeFile", `${d}/surrogate`, "a\ud800b\udc00", 0o600],
		want: done,
		after: () => expect(text(`${d}/surrogate`)).toBe("a\ufffdb\ufffd"),
	},
	{
		name: "writeFile replaces a link, and does not follow it",
		call: ["writeFile", `${d}/other`, "x", 0o600],
		want: done,
		after: () => {
			expect(text(`${d}/file`)).toBe("content\n");
			expect(fs.lstatSync(`${d}/other`).isFile()).toBe(true);
		},
	},
	{
		name: "writeFile does not create what a link points to",
		call: ["writeFile", `${d}/astray`, "x", 0o600],
		want: done,
		after: () => expect(fs.existsSync(`${d}/nowhere`)).toBe(false),
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
	},
	{
		name: "appendFile creates",
		call: ["appendFile", `${d}/log`, "one\n", 0o640],
		want: { value: 4 },
		after: () => expect(mode(`${d}/log`)).toBe("640"),
	},
	{
		name: "appendFile appends, and tells the size",
		call: ["appendFile", `${d}/log`, "two\n", 0o640],
		want: { value: 8 },
		after: () => expect(text(`${d}/log`)).toBe("one\ntwo\n"),
	},
	{
		name: "appendFile to a FIFO that nobody reads does not hang",
		call: ["appendFile", `${d}/fifo`, "x", 0o600],
		want: ["ENXIO", "open", `${d}/fifo`],
	},
	{
		name: "appendFile to a full FIFO whose reader has stopped does not hang",
		call: ["appendFile", `${d}/stuffed`, "x", 0o600],
		want: ["EAGAIN", "write", `${d}/stuffed`],
	},
	{
		name: "appendFile does not follow a link",
		call: ["appendFile", `${d}/link`, "x", 0o600],
		want: ["ELOOP", "open", `${d}/link`],
		after: () => expect(text(`${d}/file`)).toBe("content\n"),
	},
	{
		name: "copyFile copies more than a buffer, with the mode given",
		call: ["copyFile", `${d}/big`, `${d}/copy`, 0o711],
		want: done,
		after: () => {
			expect(text(`${d}/copy`)).toBe(text(`${d}/big`));
			expect(mode(`${d}/copy`)).toBe("711");
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
	},
	{
		name: "copyFile of a missing file creates nothing",
		call: ["copyFile", `${d}/missing`, `${d}/uncopied`, 0o600],
		want: ["ENOENT", "open", `${d}/missing`],
		after: () => expect(fs.existsSync(`${d}/uncopied`)).toBe(false),
	},
	{
		name: "copyFile replaces a link at its target, and does not follow it",
		call: ["copyFile", `${d}/big`, `${d}/another`, 0o600],
		want: done,
		after: () => expect(text(`${d}/file`)).toBe("content\n"),
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
			expect(text(`${d}/to`)).toBe("renamed");
			expect(fs.existsSync(`${d}/from`)).toBe(false);
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
		after: () => expect(fs.readdirSync(d)).not.toContain("dangling"),
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
			expect(mode(`${d}/a/b/c`)).toBe("700");
			expect(mode(`${d}/a`)).toBe("755");
		},
	},
	{
		name: "mkdir of what is there leaves its mode, and tells it",
		call: ["mkdir", `${d}/full`, 0o700],
		want: { value: 0o755 },
		after: () => expect(mode(`${d}/full`)).toBe("755"),
	},
	{
		name: "mkdir of the root",
		call: ["mkdir", "/", 0o700],
		want: { value: fs.statSync("/").mode & 0o7777 },
	},
	{
		name: "mkdir where a link to a directory is",
		call: ["mkdir", `${d}/aside`, 0o700],
		want: { value: 0o755 },
	},
	{
		name: "mkdir where a link to itself is",
		call: ["mkdir", `${d}/loop`, 0o700],
		want: ["ELOOP", "open", `${d}/loop`],
	},
	{
		name: "mkdir where a link to nothing is makes nothing",
		call: ["mkdir", `${d}/nothing`, 0o700],
		want: ["ENOENT", "open", `${d}/nothing`],
		after: () => expect(fs.existsSync(`${d}/gone`)).toBe(false),
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
		name: "readDir returns names",
		call: ["readDir", `${d}/full`],
		want: { value: ["name", "sub"] },
	},
	{
		name: "readDir of an empty directory",
		call: ["readDir", `${d}/none`],
		want: { value: [] },
	},
	{
		name: "readDir of a missing directory",
		call: ["readDir", `${d}/missing`],
		want: ["ENOENT", "open", `${d}/missing`],
	},
	{
		name: "readDir of a file",
		call: ["readDir", `${d}/file`],
		want: ["ENOTDIR", "open", `${d}/file`],
	},
	{
		name: "readBytes returns what is not UTF-8",
		call: ["readBytes", `${d}/latin1`],
		want: { value: [0x63, 0xe9] },
	},
	{
		name: "readBytes of a device",
		call: ["readBytes", "/dev/zero"],
		want: ["EINVAL", "read", "/dev/zero"],
	},
	{
		name: "readStream of a file",
		call: ["readStream", `${d}/file`],
		want: { value: "content\n" },
	},
	{
		name: "readStream of a device",
		call: ["readStream", "/dev/null"],
		want: { value: "" },
	},
	{
		name: "readStream of what is not UTF-8",
		call: ["readStream", `${d}/latin1`],
		want: ["EILSEQ", "read", `${d}/latin1`],
	},
	{
		name: "readStream of a missing file",
		call: ["readStream", `${d}/missing`],
		want: ["ENOENT", "open", `${d}/missing`],
	},
	{
		name: "readStream of a directory",
		call: ["readStream", `${d}/closed`],
		want: ["EISDIR", "read", `${d}/closed`],
	},
	{
		name: "stat of a file",
		call: ["stat", `${d}/file`],
		want: { value: stat(`${d}/file`, "file", 0o644) },
	},
	{
		name: "stat follows a link",
		call: ["stat", `${d}/link`],
		want: { value: stat(`${d}/file`, "file", 0o644) },
	},
	{
		name: "stat of a directory",
		call: ["stat", `${d}/closed`],
		want: { value: stat(`${d}/closed`, "directory", 0o700) },
	},
	{
		name: "stat of what is neither, with all bits of its mode",
		call: ["stat", `${d}/fifo`],
		want: { value: stat(`${d}/fifo`, "other", 0o1640) },
	},
	{
		name: "stat of a link to nothing",
		call: ["stat", `${d}/nothing`],
		want: ["ENOENT", "stat", `${d}/nothing`],
	},
	{
		name: "readLink of a link to nothing",
		call: ["readLink", `${d}/nothing`],
		want: { value: "gone" },
	},
	{
		name: "readLink of a file",
		call: ["readLink", `${d}/file`],
		want: ["EINVAL", "readlink", `${d}/file`],
	},
	{
		name: "chown gives the file away",
		call: ["chown", `${d}/given`, 1000, 4_000_000_000],
		want: done,
		after: () =>
			expect(fs.statSync(`${d}/given`)).toMatchObject({
				uid: 1000,
				gid: 4_000_000_000,
			}),
	},
	{
		name: "stat of a file of somebody else",
		call: ["stat", `${d}/theirs`],
		want: { value: stat(`${d}/theirs`, "file", 0o640) },
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
		after: () => expect(fs.existsSync(`${d}/hollow`)).toBe(false),
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
	},
	{
		name: "flock creates its file for root alone",
		call: ["flock", `${d}/lock`, 100],
		want: done,
		after: () => expect(mode(`${d}/lock`)).toBe("600"),
	},
	{
		name: "flock in a missing directory",
		call: ["flock", `${d}/missing/lock`, 100],
		want: ["ENOENT", "open", `${d}/missing/lock`],
	},
];

describe.each(HOSTS)("%s", (host) => {
	const dir = tree();
	const table = rows(dir);
	let results: readonly Outcome[] = [];

	beforeAll(async () => {
		const calls = table.map((row) => row.call);
		results = await outcomes(host, calls);
	});

	test.each(table.map((row, i) => [row.name, row, i] as const))(
		"%s",
		(_, row, i) => {
			check(results[i], row.want);
			row.after?.();
		},
	);

	test("what the user may not do: EACCES", async () => {
		const [closed, file] = [`${dir}/closed`, `${dir}/file`];
		const unmade = `${dir}/none/x`;
		const calls: readonly Call[] = [
			["readFile", `${closed}/x`],
			["writeFile", unmade, "x", 0o600],
			["appendFile", file, "x", 0o600],
			["readDir", closed],
			["unlink", `${closed}/x`],
			["mkdir", `${closed}/x`, 0o700],
			["rename", `${closed}/x`, `${dir}/y`],
		];
		const got = await outcomes(host, calls, { uid: NOBODY, gid: NOBODY });
		check(got[0], ["EACCES", "open", `${closed}/x`]);
		check(got[1], ["EACCES", "open", unmade]);
		check(got[2], ["EACCES", "open", file]);
		check(got[3], ["EACCES", "open", closed]);
		check(got[4], ["EACCES", "unlink", `${closed}/x`]);
		check(got[5], ["EACCES", "mkdir", `${closed}/x`]);
		check(got[6], ["EACCES", "rename", `${closed}/x`]);
	});
});

test("lines that processes of both hosts append at once stay whole", async () => {
	const file = `${scratch()}/log`;
	const writers = ["a", "b", "c", "d"].map((letter, i) =>
		ended(start(HOSTS[i % 2] ?? "native", [["appendMany", file, letter, 200]])),
	);
	await Promise.all(writers);
	const lines = text(file).trimEnd().split("\n");
	expect(lines).toHaveLength(800);
	for (const line of lines) expect(line).toMatch(/^(.)\1{199}$/);
});
