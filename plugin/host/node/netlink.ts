// Netlink sockets from the npm package `netlink`, of which only the raw socket is used.

import { RawNetlinkSocket } from "netlink";
import type { NetlinkSocket, SysError } from "../../../src/host.ts";
import { call, E, sysError } from "./errors.ts";
import { sleeper } from "./sleeper.ts";

export function netlink(protocol: number, timeoutMs: number): NetlinkSocket {
	const socket = call("socket", undefined, () => openSocket(protocol));
	// datagrams and errors that came before they were asked for, in their order
	const queue: (Buffer | SysError)[] = [];
	let wake: (() => void) | undefined;
	let open = true;

	const arrive = (item: Buffer | SysError): void => {
		queue.push(item);
		wake?.();
	};
	const checkOpen = (syscall: string): void => {
		if (!open) throw sysError(syscall, E.EBADF);
	};
	// any process may send here, but only the kernel, port 0, is believed
	socket.on("message", (bytes, from) => {
		if (from.port === 0) arrive(bytes);
	});
	socket.on("truncatedMessage", (_, from) => {
		if (from.port === 0) arrive(sysError("recvmsg", E.EMSGSIZE));
	});
	socket.on("error", (e) => arrive(sysError("recvmsg", e.errno)));

	return {
		async send(bytes) {
			checkOpen("sendto");
			await new Promise<void>((resolve, reject) => {
				socket.send(bytes, {}, (e) =>
					e ? reject(sysError("sendto", e.errno)) : resolve(),
				);
			});
		},
		async recv(into) {
			checkOpen("recvmsg");
			if (queue.length === 0) {
				const timer = sleeper(timeoutMs);
				wake = timer.wake;
				await timer.done;
			}
			const item = queue.shift();
			if (item === undefined) throw sysError("recvmsg", E.EAGAIN);
			if (item instanceof Error) throw item;
			if (item.length > into.length) throw sysError("recvmsg", E.EMSGSIZE);
			into.set(item);
			return item.length;
		},
		close() {
			if (!open) return;
			open = false;
			// later, because this may be called from the middle of the package's
			// receive loop, which would go on with a closed descriptor
			setImmediate(() => socket.close());
		},
	};
}

/**
 * The package sets none of NETLINK_EXT_ACK, NETLINK_CAP_ACK and
 * NETLINK_GET_STRICT_CHK: acknowledgements here repeat the whole request.
 */
function openSocket(protocol: number): RawNetlinkSocket {
	return new RawNetlinkSocket(protocol, {
		localPort: 0, // the kernel chooses
		messagePeeking: false,
		msgBufferSize: 65536,
		recvBufferSize: 0, // as the kernel has it
		sendBufferSize: 0,
	});
}
