// A Host in memory: files, environment, output and clocks that a test reads and
// sets. It opens no socket unless the test gives it one, and remembers each call
// that touches the system, in order. test/conformance compares it with the real
// hosts. It has no links, FIFOs, devices, users or bytes that are no text.

import { constants } from "node:os";
import { posix } from "node:path";
import { steer } from "../../plugin/host/node/steer.ts";
import {
	type FileStat,
	type FullHost,
	type Host,
	MAX_DOCUMENT,
	type SysError,
} from "../../src/host.ts";

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
	/** Without it the call fails with ENOSYS. */
	readonly getsockopt?: FullHost["getsockopt"];
	/** The driver of an interface; ENODEV for undefined. Without it the call fails with ENOSYS. */
	readonly driver?: (name: string) => string | undefined;
	readonly clock?: Clock;
	/** How far the wall clock has jumped. */
	readonly wallMs?: number;
	/** Takes the place of what stat knows of a file. */
	readonly stat?: (path: string) => Partial<FileStat>;
	readonly signal?: Host["signal"];
	/** The width of a terminal on both standard output and standard error, or on the descriptors that `terminals` names. */
	readonly columns?: number;
	readonly terminals?: readonly (0 | 1 | 2)[];
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
	/** Returns the text that was written to a descriptor so far. */
	written(fd: 1 | 2): string;
}

/** Returns the error of a host. The fake ones name a call of Host where the real ones name the system call. */
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

/** readFile's limit if the caller names none. */
const READ_LIMIT = 1 << 20;

/** So much a reader returns at once. */
const PART = 64 << 10;

/** The text as it comes back when it has been UTF-8 in between. */
function asUTF8(text: string): string {
	return Buffer.from(text).toString();
}

type Node = Pick<FileStat, "mode" | "uid" | "gid" | "ino" | "mtimeMs">;

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
	const clock = options.clock ?? { ms: 0 };
	const files = new Map<string, string>();
	/** Files and directories; what has no text in `files` is a directory. */
	const nodes = new Map<string, Node>();
	/** By path; a lock goes with its file when that is renamed. */
	const locked = new Map<string, object>();
	const calls: string[] = [];
	const output = { 1: "", 2: "" };

	let inodes = 0;
	const add = (path: string, mode: number): void => {
		const mtimeMs = EPOCH + clock.ms;
		nodes.set(path, { mode, uid: 0, gid: 0, ino: ++inodes, mtimeMs });
	};
	const put = (path: string, text: string, mode: number): void => {
		files.set(path, asUTF8(text));
		add(path, mode);
	};
	const remove = (path: string): void => {
		files.delete(path);
		nodes.delete(path);
	};
	const isDirectory = (path: string): boolean =>
		nodes.has(path) && !files.has(path);
	/** Makes the parents that are missing; they have `above` for their mode. */
	const makeDirectory = (path: string, mode: number, above: number): void => {
		if (path === "/" || nodes.has(path)) return;
		makeDirectory(posix.dirname(path), above, above);
		add(path, mode);
	};
	const isEmpty = (path: string): boolean =>
		![...nodes.keys()].some((p) => p !== "/" && posix.dirname(p) === path);

	const { directoryMode = 0o755 } = options;
	add("/", directoryMode);
	for (const dir of options.directories ?? [])
		makeDirectory(dir, directoryMode, directoryMode);
	for (const [path, text] of Object.entries(options.files ?? {})) {
		makeDirectory(posix.dirname(path), directoryMode, directoryMode);
		files.set(path, text);
		add(path, 0o644);
	}

	/** Notes the call, throws what the test wants, and returns the path that the kernel would walk. */
	const enter = (call: string, given: string): string => {
		calls.push(`${call} ${given}`);
		const code = options.fail?.(call, given);
		if (code !== undefined) throw sysError(code, call, given);
		if (given.includes("\0")) throw sysError("EINVAL", call, given);
		const path = posix.normalize(given).replace(/(?<=.)\/$/, "");
		for (let dir = posix.dirname(path); dir !== "/"; dir = posix.dirname(dir))
			if (files.has(dir)) throw sysError("ENOTDIR", call, given);
		return path;
	};
	/** Enters a call that makes a file or replaces one. */
	const create = (call: string, given: string): string => {
		const path = enter(call, given);
		if (isDirectory(path)) throw sysError("EISDIR", call, given);
		if (!nodes.has(posix.dirname(path))) throw sysError("ENOENT", call, given);
		return path;
	};
	/** Enters a call on a file or directory that must be there. */
	const present = (call: string, given: string): [string, Node] => {
		const path = enter(call, given);
		const node = nodes.get(path);
		if (!node) throw sysError("ENOENT", call, given);
		return [path, node];
	};
	/** Enters a call on a file that must be there. */
	const existing = (call: string, given: string): [string, string] => {
		const [path] = present(call, given);
		const text = files.get(path);
		if (text === undefined) throw sysError("EISDIR", call, given);
		return [path, text];
	};
	const read = (call: string, given: string, limit: number): string => {
		const [, text] = existing(call, given);
		if (Buffer.byteLength(text) > limit) throw sysError("EFBIG", call, given);
		return text;
	};
	const stdin = (host: FakeHost): string => {
		const { stdin = "" } = options;
		if (typeof stdin === "string") return stdin;
		if (typeof stdin === "function") return stdin(host);
		if ("thrown" in stdin) throw stdin.thrown;
		throw sysError(stdin.error, "read");
	};
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
			return stdin(this);
		},
		write(fd, text) {
			const code = options.fail?.("write", String(fd));
			if (code !== undefined) throw sysError(code, "write");
			output[fd] += asUTF8(text);
		},
		netlink(protocol, timeoutMs) {
			calls.push(`netlink ${protocol}`);
			if (!options.netlink) throw new Error("no socket was to be opened");
			return options.netlink(protocol, timeoutMs);
		},
		readFile: (path, limit = READ_LIMIT) => read("readFile", path, limit),
		writeFile(given, text, mode) {
			put(create("writeFile", given), text, mode);
		},
		appendFile(given, text, mode) {
			const path = create("appendFile", given);
			// a file of sysfs keeps what was written last
			const before = path.startsWith("/sys/") ? "" : files.get(path);
			const whole = (before ?? "") + asUTF8(text);
			if (!files.has(path)) add(path, mode);
			files.set(path, whole);
			const node = nodes.get(path);
			if (node) nodes.set(path, { ...node, mtimeMs: EPOCH + clock.ms });
			return Buffer.byteLength(whole);
		},
		copyFile(from, to, mode) {
			const [, text] = existing("copyFile", from);
			put(create("copyFile", to), text, mode);
		},
		rename(from, to) {
			const [path, text] = existing("rename", from);
			const target = posix.normalize(to);
			if (isDirectory(target)) throw sysError("EISDIR", "rename", from);
			if (!nodes.has(posix.dirname(target)))
				throw sysError("ENOENT", "rename", from);
			const node = nodes.get(path);
			remove(path);
			files.set(target, text);
			if (node) nodes.set(target, node);
			const lock = locked.get(path);
			locked.delete(path);
			if (lock) locked.set(target, lock);
		},
		unlink(given) {
			remove(existing("unlink", given)[0]);
		},
		mkdir(given, mode) {
			const path = enter("mkdir", given);
			if (files.has(path)) throw sysError("EEXIST", "mkdir", given);
			makeDirectory(path, mode, 0o755);
			return nodes.get(path)?.mode ?? mode;
		},
		readDir(given) {
			const [path] = present("readDir", given);
			if (files.has(path)) throw sysError("ENOTDIR", "readDir", given);
			return [...nodes.keys()]
				.filter((p) => p !== "/" && posix.dirname(p) === path)
				.map((p) => posix.basename(p));
		},
		steer(name) {
			this.steering(name, false, false);
		},
		steering(...terms) {
			const driver = (name: string): string => {
				if (!options.driver) throw sysError("ENOSYS", "ioctl");
				const driver = options.driver(name);
				if (driver === undefined) throw sysError("ENODEV", "ioctl");
				return driver;
			};
			return steer({ ...this, driver }, ...terms);
		},
		/** Makes no file, so that a test can compare all files that there are. */
		flock(given, timeoutMs) {
			const path = create("flock", given);
			if (locked.has(path)) {
				clock.ms += timeoutMs;
				throw sysError("EAGAIN", "flock", given);
			}
			const lock = {};
			locked.set(path, lock);
			return () => {
				for (const [at, held] of locked) if (held === lock) locked.delete(at);
			};
		},
		watchLock(given) {
			throw sysError("EINVAL", "open", given);
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
		columns: (fd) =>
			(options.terminals ?? [1, 2]).includes(fd) ? options.columns : undefined,
		stat(given) {
			const [path, node] = present("stat", given);
			const text = files.get(path);
			if (text === undefined) return { kind: "directory", size: 0, ...node };
			const size = Buffer.byteLength(text);
			return { kind: "file", size, ...node, ...options.stat?.(path) };
		},
		readBytes: (path) =>
			new TextEncoder().encode(read("readBytes", path, MAX_DOCUMENT)),
		openText(path) {
			let text =
				path === undefined ? stdin(this) : existing("openText", path)[1];
			return {
				read() {
					const part = text.slice(0, PART);
					text = text.slice(PART);
					return part;
				},
				close() {},
			};
		},
		readLink(given) {
			present("readLink", given);
			throw sysError("EINVAL", "readLink", given);
		},
		chown(given, uid, gid) {
			const [path, node] = present("chown", given);
			nodes.set(path, { ...node, uid, gid });
		},
		rmdir(given) {
			const [path] = present("rmdir", given);
			if (files.has(path)) throw sysError("ENOTDIR", "rmdir", given);
			if (!isEmpty(path)) throw sysError("ENOTEMPTY", "rmdir", given);
			nodes.delete(path);
		},
		sync(given) {
			present("sync", given);
		},
		getsockopt(domain, level, name, value) {
			calls.push(`getsockopt ${level} ${name}`);
			if (!options.getsockopt) throw sysError("ENOSYS", "getsockopt");
			return options.getsockopt(domain, level, name, value);
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
