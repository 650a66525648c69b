// How the hosts read files and directories, and what they throw.

import { afterAll } from "vitest";
import { closeAll } from "../support/stuffed.ts";
import {
	BIG,
	describeDenied,
	describeRows,
	HUGE,
	NO_DEVICES,
	NO_FIFOS,
	NO_LINKS,
	NO_SPARSE,
	type Row,
	TEXT_ALONE,
	type Tree,
} from "./tree.ts";

afterAll(closeAll);

const rows = (tree: Tree): readonly Row[] => {
	const d = tree.dir;
	return [
		{
			name: "readFile returns the content",
			call: ["readFile", `${d}/file`],
			want: { value: "content\n" },
		},
		{
			name: "readFile follows a link",
			call: ["readFile", `${d}/link`],
			want: { value: "content\n" },
			notInFake: NO_LINKS,
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
			notInFake: NO_DEVICES,
		},
		{
			name: "readFile of what is not UTF-8",
			call: ["readFile", `${d}/latin1`],
			want: ["EILSEQ", "read", `${d}/latin1`],
			notInFake: TEXT_ALONE,
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
			notInFake: NO_LINKS,
		},
		{
			name: "readFile of a mebibyte",
			call: ["readFile", `${d}/big`],
			want: { value: BIG },
		},
		{
			name: "readFile of more than a mebibyte",
			call: ["readFile", `${d}/huge`],
			want: ["EFBIG", "read", `${d}/huge`],
		},
		{
			name: "readFile of as much as was asked for",
			call: ["readFile", `${d}/huge`, 2 << 20],
			want: { value: HUGE },
		},
		{
			name: "readFile of a sparse file that is larger than memory",
			call: ["readFile", `${d}/sparse`],
			want: ["EFBIG", "read", `${d}/sparse`],
			notInFake: NO_SPARSE,
		},
		{
			name: "readBytes of a sparse file that is larger than memory",
			call: ["readBytes", `${d}/sparse`],
			want: ["EFBIG", "read", `${d}/sparse`],
			notInFake: NO_SPARSE,
		},
		{
			name: "readFile of a path with a NUL",
			call: ["readFile", `${d}/file\0x`],
			want: ["EINVAL", "open", `${d}/file\0x`],
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
			notInFake: TEXT_ALONE,
		},
		{
			name: "readBytes of a device",
			call: ["readBytes", "/dev/zero"],
			want: ["EINVAL", "read", "/dev/zero"],
			notInFake: NO_DEVICES,
		},
		{
			name: "openText of a file",
			call: ["openText", `${d}/file`],
			want: { value: "content\n" },
		},
		{
			name: "openText of a device",
			call: ["openText", "/dev/null"],
			want: { value: "" },
			notInFake: NO_DEVICES,
		},
		{
			name: "openText of what is not UTF-8",
			call: ["openText", `${d}/latin1`],
			want: ["EILSEQ", "read", `${d}/latin1`],
			notInFake: TEXT_ALONE,
		},
		{
			name: "openText of a missing file",
			call: ["openText", `${d}/missing`],
			want: ["ENOENT", "open", `${d}/missing`],
		},
		{
			name: "openText of a directory",
			call: ["openText", `${d}/closed`],
			want: ["EISDIR", "read", `${d}/closed`],
		},
		{
			name: "stat of a file",
			call: ["stat", `${d}/file`],
			want: { value: tree.stat(`${d}/file`, "file", 0o644) },
		},
		{
			name: "stat follows a link",
			call: ["stat", `${d}/link`],
			want: { value: tree.stat(`${d}/file`, "file", 0o644) },
			notInFake: NO_LINKS,
		},
		{
			name: "stat of a directory",
			call: ["stat", `${d}/closed`],
			want: { value: tree.stat(`${d}/closed`, "directory", 0o700) },
		},
		{
			name: "stat of what is neither, with all bits of its mode",
			call: ["stat", `${d}/fifo`],
			want: { value: tree.stat(`${d}/fifo`, "other", 0o1640) },
			notInFake: NO_FIFOS,
		},
		{
			name: "stat of a link to nothing",
			call: ["stat", `${d}/nothing`],
			want: ["ENOENT", "stat", `${d}/nothing`],
			notInFake: NO_LINKS,
		},
		{
			name: "readLink of a link to nothing",
			call: ["readLink", `${d}/nothing`],
			want: { value: "gone" },
			notInFake: NO_LINKS,
		},
		{
			name: "readLink of a file",
			call: ["readLink", `${d}/file`],
			want: ["EINVAL", "readlink", `${d}/file`],
		},
		{
			name: "stat of a file of somebody else",
			call: ["stat", `${d}/theirs`],
			want: { value: tree.stat(`${d}/theirs`, "file", 0o640) },
		},
		{
			name: "stat of a missing file",
			call: ["stat", `${d}/missing`],
			want: ["ENOENT", "stat", `${d}/missing`],
		},
		{
			name: "readLink of a directory",
			call: ["readLink", `${d}/full`],
			want: ["EINVAL", "readlink", `${d}/full`],
		},
	];
};

describeRows(rows);

describeDenied((d) => [
	[
		["readFile", `${d}/closed/x`],
		["EACCES", "open", `${d}/closed/x`],
	],
	[
		["readDir", `${d}/closed`],
		["EACCES", "open", `${d}/closed`],
	],
]);
