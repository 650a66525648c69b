// The calls that the core may make to the system it runs on. Two hosts implement
// them: plugin/host/native (Rust, the executable) and plugin/host/node.ts (Node 20).
// The interface grows only by system calls; logic belongs to the callers.

export type MaybePromise<T> = T | Promise<T>;

/** The limit for readFile if a user names the document. */
export const MAX_DOCUMENT = 16 << 20;

export interface Host {
	/** Arguments after the program's name. */
	readonly argv: readonly string[];
	env(name: string): string | undefined;
	/** Returns all of file descriptor 0. SysError EILSEQ if it is not UTF-8. */
	stdin(): string;
	/** Writes all of the text to standard output. Standard error gets only what its reader takes, and the rest is lost, because no pod must wait for a log. */
	write(fd: 1 | 2, text: string): void;
	/**
	 * Opens and binds a netlink socket of `protocol` (linux/netlink.h) in the network
	 * namespace of this process. `timeoutMs` bounds each send and each recv.
	 */
	netlink(protocol: number, timeoutMs: number): NetlinkSocket;
	/** Returns the file's text. SysError EILSEQ if it is not UTF-8, EFBIG if it has more than `limit` bytes; the default limit is 1 MiB. */
	readFile(path: string, limit?: number): string;
	/** Writes a new file, as copyFile does. Anything that is at `path` before, a link or a FIFO too, is removed and never written to. */
	writeFile(path: string, text: string, mode: number): void;
	/** Creates the file or appends to it in one write, so that lines of several processes stay whole. Follows no link. SysError EAGAIN if it would have to wait. Returns the size that the file then has. */
	appendFile(path: string, text: string, mode: number): number;
	copyFile(from: string, to: string, mode: number): void;
	rename(from: string, to: string): void;
	unlink(path: string): void;
	/**
	 * Has the kernel handle each flow that comes from a veth on one CPU, if none of its
	 * queues has a mask. It is one call and returns nothing, because each call and each
	 * object has a price, and ADD must not pay many.
	 * SysError ENODEV for a name that no interface has, EOPNOTSUPP if its driver does not say
	 * its name, EINVAL if the name is too long, ENOENT for a kernel without RPS.
	 */
	steer(name: string): void;
	/** Creates `path` and, with mode 0755, its missing parents; it may exist already. Returns the permission bits it was found or made with. */
	mkdir(path: string, mode: number): number;
	/** Returns the names in the directory, without `.` and `..`, in no order. */
	readDir(path: string): string[];
	/** Takes an exclusive advisory lock of the file, which is made if it is absent, with `asFIFO` as a FIFO if the file system has such; the result releases it. Follows no link. SysError EAGAIN after `timeoutMs`. */
	flock(path: string, timeoutMs: number, asFIFO?: boolean): () => void;
	/** The wall clock in ms since 1970. */
	now(): number;
	/** The monotonic clock in ms. */
	ticks(): number;
	sleep(ms: number): MaybePromise<void>;
	/** Returns the pending signal. Loops poll it. */
	signal(): "SIGTERM" | "SIGINT" | undefined;
	/** Returns this host with the calls that no verb makes. They are apart, because their mere presence would slow a verb's start. */
	full(): FullHost;
}

/**
 * Receive packet steering (RPS; Documentation/networking/scaling.rst of the kernel) of an
 * interface, as it was before the call. The masks are as the kernel writes them, without
 * zeros at the beginning: "0", "3", "ff,ffffffff". Of what is no veth only the driver is
 * looked at.
 */
export interface Steering {
	/** As ethtool(8) shows it: "veth", "bridge". */
	readonly driver: string;
	/** Those of the receive queues, from rps_cpus. */
	readonly masks: readonly string[];
	/** The mask of the CPUs that are online and neither isolated nor of nohz_full, which the kernel would take out since 5.9 (netdev_rx_queue_set_rps_mask). */
	readonly cpus: string;
	/** True if the masks were written, or would have been. */
	readonly isWritten: boolean;
}

/** The calls that only the command line and the agent make. */
export interface FullHost extends Host {
	/** Returns the columns of the terminal that `fd` is, 0 if the terminal does not know, or undefined if `fd` is no terminal. */
	columns(fd: 0 | 1 | 2): number | undefined;
	/** Does what `steer` does; with `undo` it takes the mask back, if all queues have exactly that. A dry run writes nothing. Throws as `steer` does. */
	steering(name: string, undo: boolean, dryRun: boolean): Steering;
	/** Follows links. */
	stat(path: string): FileStat;
	/** SysError EFBIG if the file has more than 16 MiB. */
	readBytes(path: string): Uint8Array;
	/** Opens a FIFO, a device or a file to be read in parts; without a path it is standard input. Waits for the writer, whatever signal comes. */
	openText(path?: string): TextReader;
	/** Returns the target of a symbolic link. SysError EINVAL if `path` is no link. */
	readLink(path: string): string;
	/** Changes the file's user and group. Follows links. */
	chown(path: string, uid: number, gid: number): void;
	/** Removes the directory. SysError ENOTEMPTY if something is in it. */
	rmdir(path: string): void;
	/**
	 * Opens the FIFO that is the file of a lock, to wait for the end of that. SysError EINVAL
	 * if it is no FIFO. Follows no link.
	 */
	watchLock(path: string): LockWatch;
	/** Writes the file or directory through to the disk (fsync). */
	sync(path: string): void;
	/**
	 * Reads an option of a socket of `domain` in the network namespace of this process,
	 * for which it opens one. `value` is what the kernel reads and writes. Returns the
	 * length of the answer in bytes.
	 */
	getsockopt(
		domain: number,
		level: number,
		name: number,
		value: Uint8Array,
	): number;
	/**
	 * Starts an HTTP/1.1 server for GET and HEAD on `address`: "127.0.0.1:9470",
	 * "[::1]:9470". In the executable it answers whatever the program is doing.
	 * SysError EADDRINUSE and the like; EINVAL if `address` is no address.
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

export interface TextReader {
	/** Returns the next part of the text, about 64 KiB at most, and "" at its end. SysError EILSEQ if it is not UTF-8. */
	read(): string;
	close(): void;
}

/**
 * A watch of a lock. `flock` opens the file for writing, and the kernel tells the readers of
 * a FIFO when its last writer has closed it or died (pipe_poll in fs/pipe.c).
 */
export interface LockWatch {
	/** Waits until nobody has the FIFO open for writing, at most `ms`. Returns true if that is so. Whoever locks what he has not opened for writing is not seen. */
	wait(ms: number): MaybePromise<boolean>;
	close(): void;
}

export interface HttpServer {
	/**
	 * Makes this the answer for `path`; any other path is 404. After `validMs` without
	 * another call the answer is 503, because the program has stopped publishing.
	 */
	publish(
		path: string,
		status: number,
		type: string,
		body: string,
		validMs: number,
	): void;
	/** Stops the server. Nothing listens any more when it returns. */
	close(): void;
}

export interface NetlinkSocket {
	send(bytes: Uint8Array): MaybePromise<void>;
	/**
	 * Reads one datagram into the caller's buffer and returns its length in bytes.
	 * SysError EAGAIN: nothing came within the timeout. ENOBUFS: the kernel
	 * dropped messages. EMSGSIZE: the datagram was longer than the buffer.
	 */
	recv(into: Uint8Array): MaybePromise<number>;
	close(): void;
}

/** The error that both hosts throw. It is recognised by its shape, because a host may live on the other side of an engine. */
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

/** Returns true if a call failed only because the file does not exist. */
export function isNotFound(e: unknown): boolean {
	return isSysError(e) && (e.code === "ENOENT" || e.code === "ENOTDIR");
}
