// A Host in memory: files, environment, output and clocks that a test reads and
// sets. It opens no socket unless the test gives it one, and remembers each call
// that touches the system, in order.

import { constants } from "node:os";
import { posix } from "node:path";
import type { FileStat, FullHost, Host, SysError } from "../../src/host.ts";

/** Time that only a test moves. */
export interface Clock {
	ms: number;
}

export interface FakeHostOptions {
	readonly argv?: readonly string[];
	readonly env?: Readonly<Record<string, string>>;
	/** "EILSEQ" and the like come as `{ error }`, what is no SysError as `{ thrown }`. */
	readonly stdin?:
		| string
		| ((host: FakeHost) => string)
		| { readonly error: string }
		| { readonly thrown: unknown };
	/** Text by path; directories above are there. */
	readonly files?: Readonly<Record<string, string>>;
	readonly directories?: readonly string[];
	/** Permission bits of those that are there. */
	readonly directoryMode?: number;
	/** The error of a call, asked before each: `("writeFile", "/run/x") => "ENOSPC"`. */
	readonly fail?: (call: string, path: string) => string | undefined;
	readonly netlink?: Host["netlink"];
	readonly clock?: Clock;
	/** How far the wall clock has jumped. */
	readonly wallMs?: number;
	/** What stat tells of a file in place of what is known. */
	readonly stat?: (path: string) => Partial<FileStat>;
	readonly signal?: Host["signal"];
	/** Of a terminal on both standard output and standard error. */
	readonly columns?: number;
}

export interface Page {
	readonly status: number;
	readonly type: string;
	readonly body: string;
}

export interface FakeHost extends FullHost {
	readonly clock: Clock;
	readonly files: ReadonlyMap<string, string>;
	/** `writeFile /run/x`, `netlink 12`, …; neither the environment nor the clocks. */
	readonly calls: readonly string[];
	/** By address; a server that was closed is not there. */
	readonly servers: ReadonlyMap<string, ReadonlyMap<string, Page>>;
	/** What was written to a descriptor so far. */
	written(fd: 1 | 2): string;
}

/** What a host throws. */
export function sysError(
	code: string,
	syscall: string,
	path?: string,
): SysError {
	const errno = (constants.errno as Record<string, number>)[code];
	if (errno === undefined) throw new Error(`no such errno: ${code}`);
	const where = path === undefined ? "" : ` ${path}`;
	return Object.assign(new Error(`${syscall}${where}: ${code}`), {
		name: "SysError",
		code,
		errno,
		syscall,
		...(path !== undefined && { path }),
	});
}

/** The wall clock when the monotonic one shows 0. */
export const EPOCH = 1_700_000_000_000;

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
	const clock = options.clock ?? { ms: 0 };
	const files = new Map<string, string>();
	const directories = new Set<string>(["/"]);
	const calls: string[] = [];
	const output = { 1: "", 2: "" };

	const makeDirectories = (path: string): void => {
		for (let dir = path; dir !== "/"; dir = posix.dirname(dir))
			directories.add(dir);
	};
	for (const dir of options.directories ?? []) makeDirectories(dir);
	for (const [path, text] of Object.entries(options.files ?? {})) {
		makeDirectories(posix.dirname(path));
		files.set(path, text);
	}

	/** Notes the call, throws what the test wants, and returns the path that the kernel would walk. */
	const enter = (call: string, given: string): string => {
		calls.push(`${call} ${given}`);
		const code = options.fail?.(call, given);
		if (code !== undefined) throw sysError(code, call, given);
		const path = posix.normalize(given);
		for (let dir = posix.dirname(path); dir !== "/"; dir = posix.dirname(dir))
			if (files.has(dir)) throw sysError("ENOTDIR", call, given);
		return path;
	};
	const create = (call: string, given: string): string => {
		const path = enter(call, given);
		if (directories.has(path)) throw sysError("EISDIR", call, given);
		if (!directories.has(posix.dirname(path)))
			throw sysError("ENOENT", call, given);
		return path;
	};
	const existing = (call: string, given: string): [string, string] => {
		const path = enter(call, given);
		const text = files.get(path);
		if (text !== undefined) return [path, text];
		const code = directories.has(path) ? "EISDIR" : "ENOENT";
		throw sysError(code, call, given);
	};

	/** What stat tells of a file besides its text. */
	const nodes = new Map<string, Pick<FileStat, "mode" | "ino" | "mtimeMs">>();
	let inodes = 0;
	const touch = (path: string, mode?: number): void => {
		const { ino, ...old } = nodes.get(path) ?? { ino: ++inodes, mode: 0o644 };
		const mtimeMs = EPOCH + clock.ms;
		nodes.set(path, { ino, mode: mode ?? old.mode, mtimeMs });
	};
	for (const path of files.keys()) touch(path);
	const servers = new Map<string, Map<string, Page>>();

	return {
		clock,
		files,
		calls,
		servers,
		written: (fd) => output[fd],
		argv: options.argv ?? [],
		env: (name) => options.env?.[name],
		stdin() {
			const { stdin = "" } = options;
			if (typeof stdin === "string") return stdin;
			if (typeof stdin === "function") return stdin(this);
			if ("thrown" in stdin) throw stdin.thrown;
			throw sysError(stdin.error, "read");
		},
		write(fd, text) {
			const code = options.fail?.("write", String(fd));
			if (code !== undefined) throw sysError(code, "write");
			output[fd] += text;
		},
		netlink(protocol, timeoutMs) {
			calls.push(`netlink ${protocol}`);
			if (!options.netlink) throw new Error("no socket was to be opened");
			return options.netlink(protocol, timeoutMs);
		},
		readFile: (path) => existing("readFile", path)[1],
		writeFile(given, text, mode) {
			const path = create("writeFile", given);
			files.set(path, text);
			touch(path, mode);
		},
		appendFile(given, text, mode) {
			const path = create("appendFile", given);
			touch(path, files.has(path) ? undefined : mode);
			const whole = (files.get(path) ?? "") + text;
			files.set(path, whole);
			return Buffer.byteLength(whole);
		},
		copyFile(from, to, mode) {
			const [, text] = existing("copyFile", from);
			const path = create("copyFile", to);
			files.set(path, text);
			touch(path, mode);
		},
		rename(from, to) {
			const [path, text] = existing("rename", from);
			const target = posix.normalize(to);
			const node = nodes.get(path);
			files.delete(path);
			nodes.delete(path);
			files.set(target, text);
			if (node) nodes.set(target, node);
		},
		unlink(given) {
			const [path] = existing("unlink", given);
			files.delete(path);
			nodes.delete(path);
		},
		mkdir(given, mode) {
			const path = enter("mkdir", given);
			if (files.has(path)) throw sysError("EEXIST", "mkdir", given);
			if (directories.has(path)) return options.directoryMode ?? 0o755;
			makeDirectories(path);
			return mode;
		},
		readDir(given) {
			const path = enter("readDir", given);
			if (files.has(path)) throw sysError("ENOTDIR", "readDir", given);
			if (!directories.has(path)) throw sysError("ENOENT", "readDir", given);
			return [...files.keys(), ...directories]
				.filter((p) => p !== "/" && posix.dirname(p) === path)
				.map((p) => posix.basename(p));
		},
		flock(path) {
			enter("flock", path);
			return () => {};
		},
		now: () => EPOCH + clock.ms + (options.wallMs ?? 0),
		ticks: () => clock.ms,
		sleep(ms) {
			clock.ms += ms;
		},
		signal: options.signal ?? (() => undefined),
		full() {
			return this;
		},
		columns: () => options.columns,
		stat(given) {
			const path = enter("stat", given);
			if (directories.has(path))
				return {
					kind: "directory",
					mode: 0o755,
					uid: 0,
					gid: 0,
					size: 0,
					mtimeMs: EPOCH,
					ino: 0,
				};
			const node = nodes.get(path);
			if (!node) throw sysError("ENOENT", "stat", given);
			const size = Buffer.byteLength(files.get(path) ?? "");
			return {
				kind: "file",
				size,
				uid: 0,
				gid: 0,
				...node,
				...options.stat?.(path),
			};
		},
		readBytes: (path) =>
			new TextEncoder().encode(existing("readBytes", path)[1]),
		readStream: (path) => existing("readStream", path)[1],
		readLink(given) {
			existing("readLink", given);
			throw sysError("EINVAL", "readLink", given);
		},
		chown(given) {
			existing("chown", given);
		},
		rmdir(given) {
			const path = enter("rmdir", given);
			if (!directories.has(path)) throw sysError("ENOENT", "rmdir", given);
			if (
				[...files.keys(), ...directories].some((p) => posix.dirname(p) === path)
			)
				throw sysError("ENOTEMPTY", "rmdir", given);
			directories.delete(path);
		},
		sync(given) {
			const path = enter("sync", given);
			if (!files.has(path) && !directories.has(path))
				throw sysError("ENOENT", "sync", given);
		},
		serve(address) {
			calls.push(`serve ${address}`);
			const code = options.fail?.("serve", address);
			if (code !== undefined) throw sysError(code, "bind");
			if (servers.has(address)) throw sysError("EADDRINUSE", "bind");
			const pages = new Map<string, Page>();
			servers.set(address, pages);
			return {
				publish: (path, status, type, body) =>
					void pages.set(path, { status, type, body }),
				close: () => void servers.delete(address),
			};
		},
	};
}
