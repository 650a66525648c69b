// The tree of files that the tables of calls are tried on: in a directory of this
// machine for each real host, so that none sees another's changes, and in memory for
// the fake one.

import * as fs from "node:fs";
import { beforeAll, describe, expect, test } from "vitest";
import type { FileStat } from "../../src/host.ts";
import { mustSync } from "../support/exec.ts";
import { type FakeHost, fakeHost } from "../support/fakehost.ts";
import { stuff } from "../support/stuffed.ts";
import type { Call, Outcome } from "./probe.ts";
import {
	check,
	HOSTS,
	outcomes,
	outcomesInFake,
	SUBJECTS,
	type Subject,
	scratch,
	text,
	type Want,
} from "./run.ts";

export const BIG = "x".repeat(1 << 20);
export const HUGE = `${BIG}x`;

/** Why a row is not tried on the fake host: what it has not, on purpose. */
export const NO_LINKS = "it has no links";
export const NO_FIFOS = "it has no FIFOs";
export const NO_DEVICES = "it has no devices";
export const NO_SPARSE = "it has no files larger than memory";
export const TEXT_ALONE = "it holds text alone";
export const NO_LOCK_FILES =
	"a lock makes no file, so that a test can compare all files that there are";

export interface Tree {
	readonly dir: string;
	outcomes(calls: readonly Call[]): Promise<readonly Outcome[]>;
	text(path: string): string;
	exists(path: string): boolean;
	/** Permission bits, in octal; of a link and not of its target. */
	mode(path: string): string;
	/** The host's answer, with the numbers that are the machine's. */
	stat(path: string, kind: FileStat["kind"], mode: number): unknown;
	owner(path: string): { readonly uid: number; readonly gid: number };
}

export interface Row {
	readonly name: string;
	readonly call: Call;
	readonly want: Want;
	/** Checks what the tree looks like afterwards. */
	readonly after?: () => void;
	/** Why the fake host is not asked. */
	readonly notInFake?: string;
}

/** Tries the rows on a tree of each host, all in one process. */
export function describeRows(rowsOn: (tree: Tree) => readonly Row[]): void {
	describe.each(SUBJECTS)("%s", (subject) => {
		const tree = treeOf(subject);
		const rows = rowsOn(tree).filter(
			(row) => subject !== "fake" || row.notInFake === undefined,
		);
		let results: readonly Outcome[] = [];
		beforeAll(async () => {
			results = await tree.outcomes(rows.map((row) => row.call));
		});

		test.each(rows.map((row, i) => [row.name, row, i] as const))(
			"%s",
			(_, row, i) => {
				check(results[i], row.want, subject);
				row.after?.();
			},
		);
	});
}

const NOBODY = 65534;

/** Tries calls that the user may not make. */
export function describeDenied(
	rowsIn: (dir: string) => readonly (readonly [call: Call, want: Want])[],
): void {
	test.each(HOSTS)("%s: what the user may not do: EACCES", async (host) => {
		const rows = rowsIn(realDirectory());
		const calls = rows.map(([call]) => call);
		const got = await outcomes(host, calls, { uid: NOBODY, gid: NOBODY });
		for (const [i, [, want]] of rows.entries()) check(got[i], want);
	});
}

function treeOf(subject: Subject): Tree {
	return subject === "fake" ? fakeTree() : realTree(subject);
}

function realTree(host: (typeof HOSTS)[number]): Tree {
	const dir = realDirectory();
	return {
		dir,
		outcomes: (calls) => outcomes(host, calls),
		text,
		exists: (path) =>
			fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined,
		mode: (path) => (fs.lstatSync(path).mode & 0o7777).toString(8),
		stat(path, kind, mode) {
			const { uid, gid, size, mtimeMs, ino } = fs.statSync(path);
			return { kind, mode, uid, gid, size, mtimeMs, ino };
		},
		owner(path) {
			const { uid, gid } = fs.statSync(path);
			return { uid, gid };
		},
	};
}

function fakeTree(): Tree {
	const dir = "/tree";
	const host = fakeHost({ directories: [dir] });
	for (const [path, mode] of DIRECTORIES) host.mkdir(`${dir}/${path}`, mode);
	for (const [path, { text = "", mode = 0o644, owner }] of FILES) {
		host.writeFile(`${dir}/${path}`, text, mode);
		if (owner) host.chown(`${dir}/${path}`, ...owner);
	}
	return {
		dir,
		outcomes: (calls) => outcomesInFake(host, calls),
		text: (path) => host.files.get(path) ?? "",
		exists: (path) => isThere(host, path),
		mode: (path) => host.stat(path).mode.toString(8),
		stat(path, kind, mode) {
			const name = path.slice(dir.length + 1);
			const [uid, gid] = FILES.get(name)?.owner ?? [0, 0];
			const size =
				kind === "directory" ? 0 : Buffer.byteLength(this.text(path));
			const any: unknown = expect.any(Number);
			return { kind, mode, uid, gid, size, mtimeMs: any, ino: any };
		},
		owner(path) {
			const { uid, gid } = host.stat(path);
			return { uid, gid };
		},
	};
}

function isThere(host: FakeHost, path: string): boolean {
	try {
		host.stat(path);
		return true;
	} catch {
		return false;
	}
}

const DIRECTORIES = new Map([
	["full", 0o755],
	["full/sub", 0o755],
	["closed", 0o700],
	["none", 0o755],
	["hollow", 0o755],
]);

interface Content {
	readonly text?: string;
	readonly mode?: number;
	readonly owner?: readonly [uid: number, gid: number];
}
const FILES = new Map<string, Content>([
	["file", { text: "content\n" }],
	["loose", { text: "old and longer", mode: 0o666 }],
	["bom", { text: "\ufefftext" }],
	["empty", {}],
	["from", { text: "renamed" }],
	["to", { text: "replaced" }],
	["full/name", {}],
	["given", {}],
	["theirs", { mode: 0o640, owner: [1000, 1001] }],
	["big", { text: BIG, mode: 0o755 }],
	["huge", { text: HUGE }],
	["precious", { text: "precious" }],
]);

function realDirectory(): string {
	const dir = scratch();
	process.umask(0o022);
	fs.chmodSync(dir, 0o777);
	for (const [path, mode] of DIRECTORIES)
		fs.mkdirSync(`${dir}/${path}`, { mode });
	for (const [path, { text = "", mode = 0o644, owner }] of FILES) {
		fs.writeFileSync(`${dir}/${path}`, text);
		fs.chmodSync(`${dir}/${path}`, mode);
		if (owner) fs.chownSync(`${dir}/${path}`, ...owner);
	}
	fs.writeFileSync(`${dir}/latin1`, Buffer.from([0x63, 0xe9]));
	fs.writeFileSync(`${dir}/sparse`, "");
	fs.truncateSync(`${dir}/sparse`, 2 ** 40);
	fs.linkSync(`${dir}/precious`, `${dir}/hard`);
	for (const [name, target] of [
		["link", "file"],
		["loop", "loop"],
		["dangling", "nowhere"],
		["other", "file"],
		["another", "file"],
		["astray", "nowhere"],
		["aside", "full"],
		["nothing", "gone"],
	] as const)
		fs.symlinkSync(target, `${dir}/${name}`);
	mustSync(["mkfifo", `${dir}/fifo`, `${dir}/waiting`]);
	stuff(`${dir}/stuffed`);
	stuff(`${dir}/stuffed-too`);
	fs.chmodSync(`${dir}/fifo`, 0o1640);
	return dir;
}
