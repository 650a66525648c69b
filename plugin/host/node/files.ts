// Files and directories, with the behaviour of plugin/host/native/src/files.rs.

import * as fs from "node:fs";
import type { FileStat, TextReader } from "../../../src/host.ts";
import { call, E, isErrno, type Path, sysError, waiting } from "./errors.ts";

const C = fs.constants;

/** A request is never longer than this. */
const MAX_STDIN = 16 << 20;
/** A reader returns so much at once. */
const PART = 64 << 10;
const MAX_FILE = 1 << 20;
const MAX_BYTES = 16 << 20;

// as in the native host: the mode holds whatever the umask is, no link is followed,
// and a FIFO fails instead of hanging
const CREATE = C.O_WRONLY | C.O_CREAT | C.O_EXCL | C.O_NOFOLLOW | C.O_NONBLOCK;
const APPEND =
	C.O_WRONLY | C.O_CREAT | C.O_APPEND | C.O_NONBLOCK | C.O_NOFOLLOW;

/** Reads regular files only, because a FIFO or a device must not hang the plugin. */
export function readBytes(path: string, limit = MAX_BYTES): Buffer {
	return withFile(path, C.O_RDONLY | C.O_NONBLOCK, 0, (fd) => {
		const found = fs.fstatSync(fd);
		if (!found.isFile() && !found.isDirectory())
			throw sysError("read", E.EINVAL, path);
		return readAll(fd, path, limit);
	});
}

export function readFile(path: string, limit = MAX_FILE): string {
	return utf8(readBytes(path, limit), path);
}

export function openText(path?: string): TextReader {
	const fd =
		path === undefined
			? 0
			: call("open", path, () => fs.openSync(path, C.O_RDONLY));
	const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
	const part = Buffer.allocUnsafe(PART);
	let isOpen = fd !== 0;
	return {
		read() {
			for (;;) {
				const n = waiting("read", path, () => fs.readSync(fd, part));
				const text = decoded(path, () =>
					decoder.decode(part.subarray(0, n), { stream: n > 0 }),
				);
				// a part may hold less than one character
				if (text !== "" || n === 0) return text;
			}
		},
		close() {
			if (isOpen) fs.closeSync(fd);
			isOpen = false;
		},
	};
}

export function readStdin(): string {
	return utf8(readAll(0, undefined, MAX_STDIN), undefined);
}

export function writeFile(path: string, text: string, mode: number): void {
	withNewFile(path, mode, (fd) => writeAll(fd, text, path));
}

export function appendFile(path: string, text: string, mode: number): number {
	return withFile(path, APPEND, mode, (fd) => {
		writeAll(fd, text, path);
		return fs.fstatSync(fd).size;
	});
}

export function rename(from: string, to: string): void {
	call("rename", from, () => fs.renameSync(from, to));
}

export function unlink(path: string): void {
	call("unlink", path, () => fs.unlinkSync(path));
}

export function readLink(path: string): string {
	return call("readlink", path, () => fs.readlinkSync(path));
}

export function chown(path: string, uid: number, gid: number): void {
	call("chown", path, () => fs.chownSync(path, uid, gid));
}

export function rmdir(path: string): void {
	call("rmdir", path, () => fs.rmdirSync(path));
}

export function mkdir(path: string, mode: number): number {
	try {
		call("mkdir", path, () => fs.mkdirSync(path, { mode }));
		return mode;
	} catch (e) {
		if (!isErrno(e)) throw e;
		const parent = path.replace(/\/+$/, "").replace(/\/[^/]*$/, "");
		if (e.code === "ENOENT" && parent !== "") {
			mkdir(parent, 0o755);
			return mkdir(path, mode);
		}
		if (e.code === "EEXIST") return modeOfDirectory(path, e);
		throw e;
	}
}

/** Returns the directory's permission bits. Throws `inTheWay` if something else has the name, and for a link the reason why it leads to no directory. */
function modeOfDirectory(path: string, inTheWay: Error): number {
	try {
		return withFile(
			path,
			C.O_RDONLY | C.O_DIRECTORY,
			0,
			(fd) => fs.fstatSync(fd).mode & 0o7777,
		);
	} catch (e) {
		throw isErrno(e) && e.code === "ENOTDIR" ? inTheWay : e;
	}
}

export function readDir(path: string): string[] {
	return call("open", path, () => fs.readdirSync(path));
}

export function stat(path: string): FileStat {
	const { mode, uid, gid, size, mtimeMs, ino } = call("stat", path, () =>
		fs.statSync(path),
	);
	const type = mode & C.S_IFMT;
	return {
		kind:
			type === C.S_IFREG ? "file" : type === C.S_IFDIR ? "directory" : "other",
		mode: mode & 0o7777,
		uid,
		gid,
		size,
		mtimeMs,
		ino,
	};
}

export function sync(path: string): void {
	withFile(path, C.O_RDONLY | C.O_NONBLOCK, 0, (fd) =>
		call("fsync", path, () => fs.fsyncSync(fd)),
	);
}

function withFile<T>(
	path: string,
	flags: number,
	mode: number,
	f: (fd: number) => T,
): T {
	const fd = call("open", path, () => fs.openSync(path, flags, mode));
	try {
		return f(fd);
	} finally {
		fs.closeSync(fd);
	}
}

/** Makes a new file and calls `f` with its descriptor. Anything that has the name already is removed. */
function withNewFile<T>(path: string, mode: number, f: (fd: number) => T): T {
	const make = (): T =>
		withFile(path, CREATE, mode, (fd) => {
			call("fchmod", path, () => fs.fchmodSync(fd, mode));
			return f(fd);
		});
	try {
		return make();
	} catch (e) {
		if (!isErrno(e) || e.code !== "EEXIST") throw e;
		unlink(path);
		return make();
	}
}

function readAll(fd: number, path: Path, limit: number): Buffer {
	const parts: Buffer[] = [];
	for (let left = limit; ; ) {
		const part = Buffer.allocUnsafe(65536);
		const n = waiting("read", path, () => fs.readSync(fd, part));
		if (n === 0) return Buffer.concat(parts);
		parts.push(part.subarray(0, n));
		left -= n;
		if (left < 0) throw sysError("read", E.EFBIG, path);
	}
}

function utf8(bytes: Buffer, path: Path): string {
	const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
	return decoded(path, () => decoder.decode(bytes));
}

/** Calls a decoder and throws its error as a SysError. */
function decoded(path: Path, decode: () => string): string {
	try {
		return decode();
	} catch {
		throw sysError("read", E.EILSEQ, path);
	}
}

function writeAll(fd: number, text: string, path: string): void {
	let bytes = Buffer.from(text);
	while (bytes.length > 0)
		bytes = bytes.subarray(call("write", path, () => fs.writeSync(fd, bytes)));
}

export function copyFile(from: string, to: string, mode: number): void {
	withFile(from, C.O_RDONLY, 0, (source) => {
		const bytes = call("read", from, () => fs.readFileSync(source));
		withNewFile(to, mode, (target) =>
			call("write", to, () => fs.writeFileSync(target, bytes)),
		);
	});
}
