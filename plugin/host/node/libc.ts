// The system calls that Node has not, made by koffi in the C library of this process. It
// knows no protocol.

import koffi from "koffi";
import { call, type Path, sysError } from "./errors.ts";

const libc = koffi.load(null);

/** Makes a function of the C library callable. Numbers go in and come out. */
function bind<A extends readonly unknown[]>(
	declaration: string,
): (...args: A) => number {
	return libc.func(declaration);
}

export const socket = bind<[domain: number, type: number, protocol: number]>(
	"int socket(int, int, int)",
);
export const bindTo = bind<[fd: number, address: Uint8Array, length: number]>(
	"int bind(int, const void *, uint32_t)",
);
export const sendTo = bind<
	[
		fd: number,
		bytes: Uint8Array,
		length: number,
		flags: number,
		address: Uint8Array,
		addressLength: number,
	]
>("long sendto(int, const void *, size_t, int, const void *, uint32_t)");
/** The kernel writes the sender into `address`, and its length into the last array. */
export const recvFrom = bind<
	[
		fd: number,
		into: Uint8Array,
		length: number,
		flags: number,
		address: Uint8Array,
		addressLength: [number],
	]
>("long recvfrom(int, void *, size_t, int, void *, _Inout_ uint32_t *)");
export const setSockOpt = bind<
	[fd: number, level: number, name: number, value: Uint8Array, length: number]
>("int setsockopt(int, int, int, const void *, uint32_t)");
/** The last array holds the length of `value`, and then that of the answer. */
export const getSockOpt = bind<
	[fd: number, level: number, name: number, value: Uint8Array, length: [number]]
>("int getsockopt(int, int, int, void *, _Inout_ uint32_t *)");
/** struct ifreq of linux/if.h, with a pointer as its union. */
koffi.struct("Ifreq", {
	name: koffi.array("char", 16),
	data: "void *",
	rest: koffi.array("uint8_t", 16),
});
export const ioctlOf = bind<
	[
		fd: number,
		request: number,
		ifreq: { name: string; data: Uint8Array; rest: number[] },
	]
>("int ioctl(int, unsigned long, const Ifreq *)");
export const flockOf = bind<[fd: number, operation: number]>(
	"int flock(int, int)",
);

export const mkfifoOf = bind<[path: string, mode: number]>(
	"int mkfifo(const char *, uint32_t)",
);

const poll = libc.func("int poll(void *, unsigned long, int)");
// poll.h
export const POLLIN = 1;
export const POLLHUP = 16;

/** Waits in a thread for one of the events, or for `ms`. Returns the events that there are. */
export function polled(
	fd: number,
	events: number,
	ms: number,
): Promise<number> {
	// struct pollfd: int fd, short events, short revents
	const one = new Uint8Array(8);
	const halves = new Int16Array(one.buffer);
	new Int32Array(one.buffer)[0] = fd;
	halves[2] = events;
	return new Promise((resolve, reject) => {
		poll.async(one, 1, Math.ceil(ms), (e: Error | null) =>
			e ? reject(e) : resolve(halves[3] ?? 0),
		);
	});
}

/** Returns what `f` returns, unless that is negative: then it throws the SysError of errno. A signal that interrupted the call is no error. */
export function kernelCall(
	syscall: string,
	path: Path,
	f: () => number,
): number {
	for (;;) {
		const result = call(syscall, path, f);
		if (result >= 0) return result;
		const errno = koffi.errno();
		if (errno !== koffi.os.errno.EINTR) throw sysError(syscall, errno, path);
	}
}
