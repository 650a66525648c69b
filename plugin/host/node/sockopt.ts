// Questions to the kernel that are options of a socket, as plugin/host/native/src/sockopt.rs
// asks them.

import { closeSync } from "node:fs";
import { getSockOpt, kernelCall, socket } from "./libc.ts";

const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

/** Asks on a socket of its own, which is of UDP because it needs no CAP_NET_RAW. */
export function getsockopt(
	domain: number,
	level: number,
	name: number,
	value: Uint8Array,
): number {
	const fd = kernelCall("socket", undefined, () =>
		socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0),
	);
	try {
		const length: [number] = [value.length];
		kernelCall("getsockopt", undefined, () =>
			getSockOpt(fd, level, name, value, length),
		);
		return length[0];
	} finally {
		closeSync(fd);
	}
}
