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

const poll = libc.func("int poll(void *, unsigned long, int)");

/** Waits in a thread until something can be read from the descriptor, or for `ms`. */
export function readable(fd: number, ms: number): Promise<void> {
	// struct pollfd: int fd, short events, short revents
	const [POLLIN, SIZE] = [1, 8];
	const bytes = new Uint8Array(SIZE);
	new Int32Array(bytes.buffer)[0] = fd;
	new Int16Array(bytes.buffer)[2] = POLLIN;
	return new Promise((resolve, reject) => {
		poll.async(bytes, 1, Math.ceil(ms), (e: Error | null) =>
			e ? reject(e) : resolve(),
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
