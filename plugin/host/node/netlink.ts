// Netlink sockets, with the behaviour and the options of plugin/host/native/src/netlink.rs.

import { closeSync } from "node:fs";
import type { NetlinkSocket } from "../../../src/host.ts";
import { E, isErrno, sysError } from "./errors.ts";
import {
	bindTo,
	kernelCall,
	POLLIN,
	polled,
	recvFrom,
	sendTo,
	setSockOpt,
	socket,
} from "./libc.ts";

// linux/socket.h, asm-generic/socket.h
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
// linux/netlink.h
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
const NETLINK_GET_STRICT_CHK = 12;
/** struct sockaddr_nl: family, padding, port, groups. */
const ADDRESS_SIZE = 12;

export function netlink(protocol: number, timeoutMs: number): NetlinkSocket {
	let fd: number | undefined = open(protocol);
	const opened = (syscall: string): number => {
		if (fd === undefined) throw sysError(syscall, E.EBADF);
		return fd;
	};
	return {
		send(bytes) {
			const to = opened("sendto");
			const { length } = bytes;
			const sent = kernelCall("sendto", undefined, () =>
				sendTo(to, bytes, length, MSG_DONTWAIT, kernel(), ADDRESS_SIZE),
			);
			if (sent !== length) throw sysError("sendto", E.EMSGSIZE);
		},
		async recv(into) {
			const end = performance.now() + timeoutMs;
			for (;;) {
				const length = receive(opened("recvmsg"), into);
				if (length !== undefined) return length;
				const left = end - performance.now();
				if (left <= 0) throw sysError("recvmsg", E.EAGAIN);
				await polled(opened("recvmsg"), POLLIN, left);
			}
		},
		close() {
			if (fd !== undefined) closeSync(fd);
			fd = undefined;
		},
	};
}

function open(protocol: number): number {
	const fd = kernelCall("socket", undefined, () =>
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol),
	);
	try {
		kernelCall("bind", undefined, () => bindTo(fd, kernel(), ADDRESS_SIZE));
	} catch (e) {
		closeSync(fd);
		throw e;
	}
	// Without these options, which old kernels lack, acknowledgements are longer, errors
	// have no text, and unknown dump filters are ignored.
	const on = new Uint8Array(new Int32Array([1]).buffer);
	for (const option of [
		NETLINK_EXT_ACK,
		NETLINK_CAP_ACK,
		NETLINK_GET_STRICT_CHK,
	])
		setSockOpt(fd, SOL_NETLINK, option, on, on.length);
	return fd;
}

/** Returns the length of a datagram of the kernel's, or undefined if there is none. Any process may send here; only the kernel is believed. */
function receive(fd: number, into: Uint8Array): number | undefined {
	for (;;) {
		const from = kernel();
		let length: number;
		try {
			length = kernelCall("recvmsg", undefined, () =>
				recvFrom(fd, into, into.length, MSG_DONTWAIT | MSG_TRUNC, from, [
					ADDRESS_SIZE,
				]),
			);
		} catch (e) {
			if (isErrno(e) && e.errno === E.EAGAIN) return undefined;
			throw e;
		}
		const [, port] = new Uint32Array(from.buffer);
		if (port !== 0) continue;
		if (length > into.length) throw sysError("recvmsg", E.EMSGSIZE);
		return length;
	}
}

/** Returns the kernel's address, port 0. In bind() it means that the kernel chooses. */
function kernel(): Uint8Array {
	const address = new Uint8Array(ADDRESS_SIZE);
	new Uint16Array(address.buffer)[0] = AF_NETLINK;
	return address;
}
