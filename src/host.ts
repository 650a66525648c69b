// What the library may ask of the system it runs on. Two hosts implement it:
// plugin/host/native (Rust, the executable) and plugin/host/node.ts (Node 20).
// Grow it only by system calls; logic belongs to the callers.

export type MaybePromise<T> = T | Promise<T>;

/** A limit for readFile where a user names a document. */
export const MAX_DOCUMENT = 16 << 20;

export interface Host {
	/** Arguments after the program's name. */
	readonly argv: readonly string[];
	env(name: string): string | undefined;
	/** All of file descriptor 0. SysError EILSEQ if it is not UTF-8. */
	stdin(): string;
	/** All of it to standard output. To standard error only what its reader takes: the rest is lost, as no pod is to wait for a log. */
	write(fd: 1 | 2, text: string): void;
	/**
	 * A netlink socket of `protocol` (linux/netlink.h), bound, in the network
	 * namespace of this process. `timeoutMs` bounds each send and each recv.
	 */
	netlink(protocol: number, timeoutMs: number): NetlinkSocket;
	/** The file as UTF-8. SysError EILSEQ if it is not UTF-8, EFBIG if it has more than `limit` bytes: 1 MiB if that is left out. */
	readFile(path: string, limit?: number): string;
	/** Always a new file: what is at `path`, a link or a FIFO too, is removed and never written to. So does copyFile. */
	writeFile(path: string, text: string, mode: number): void;
	/** Creates or appends in one write, so that lines of several processes stay whole; follows no link, and SysError EAGAIN if it would have to wait. Returns the size that the file then has. */
	appendFile(path: string, text: string, mode: number): number;
	copyFile(from: string, to: string, mode: number): void;
	rename(from: string, to: string): void;
	unlink(path: string): void;
	/** Creates `path` and, with mode 0755, its missing parents; no error if it is there. Returns the permission bits it was found or made with. */
	mkdir(path: string, mode: number): number;
	/** Names in the directory, without `.` and `..`, in no order. */
	readDir(path: string): string[];
	/** Exclusive advisory lock; the result releases it. SysError EAGAIN after `timeoutMs`. */
	flock(path: string, timeoutMs: number): () => void;
	/** Wall clock, ms since 1970. */
	now(): number;
	/** Monotonic clock, ms. */
	ticks(): number;
	sleep(ms: number): MaybePromise<void>;
	/** A pending signal, for loops to poll. */
	signal(): "SIGTERM" | "SIGINT" | undefined;
	/** This host with the calls that no verb makes: even to have them at hand would cost a verb's start. */
	full(): FullHost;
}

/** What the command line and the agent ask of the system besides. */
export interface FullHost extends Host {
	/** Columns of the terminal that `fd` is, 0 if it does not know; undefined if it is none. */
	columns(fd: 1 | 2): number | undefined;
	/** Links are followed. */
	stat(path: string): FileStat;
	/** SysError EFBIG if it has more than 16 MiB. */
	readBytes(path: string): Uint8Array;
	/** What comes out of a FIFO, a device or a file until its end, as UTF-8. Waits for who writes, whatever signal comes. */
	readStream(path: string): string;
	/** What a symbolic link holds. SysError EINVAL if `path` is none. */
	readLink(path: string): string;
	/** Makes the file that of another user and group. Links are followed. */
	chown(path: string, uid: number, gid: number): void;
	/** Removes the directory. SysError ENOTEMPTY if something is in it. */
	rmdir(path: string): void;
	/** Makes last what was written to the file or directory. */
	sync(path: string): void;
	/**
	 * An HTTP/1.1 server for GET and HEAD on `address`: "127.0.0.1:9470",
	 * "[::1]:9470". In the executable it answers whatever the program is doing.
	 * SysError EADDRINUSE and the like; EINVAL if that is no address.
	 */
	serve(address: string): MaybePromise<HttpServer>;
}

export interface FileStat {
	readonly kind: "file" | "directory" | "other";
	/** Permission bits. */
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	readonly size: number;
	readonly mtimeMs: number;
	readonly ino: number;
}

export interface HttpServer {
	/**
	 * From now on the answer for `path`; any other path is 404. After `validMs`
	 * without another it is 503: the program has stopped publishing.
	 */
	publish(
		path: string,
		status: number,
		type: string,
		body: string,
		validMs: number,
	): void;
	/** Nothing listens when it returns. */
	close(): void;
}

export interface NetlinkSocket {
	send(bytes: Uint8Array): MaybePromise<void>;
	/**
	 * One datagram into the caller's buffer; returns its length in bytes.
	 * SysError EAGAIN: nothing came within the timeout. ENOBUFS: the kernel
	 * dropped messages. EMSGSIZE: the datagram was longer than the buffer.
	 */
	recv(into: Uint8Array): MaybePromise<number>;
	close(): void;
}

/** What both hosts throw; recognised by shape, because a host may live on the other side of an engine. */
export interface SysError extends Error {
	/** "ENOENT", "EPERM", … */
	readonly code: string;
	/** Positive. */
	readonly errno: number;
	readonly syscall: string;
	readonly path?: string;
}

export function isSysError(e: unknown): e is SysError {
	return e instanceof Error && typeof (e as SysError).syscall === "string";
}

/** Whether what was asked for is simply not there. */
export function isAbsent(e: unknown): boolean {
	return isSysError(e) && (e.code === "ENOENT" || e.code === "ENOTDIR");
}
