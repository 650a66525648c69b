// One request and its answers over a netlink socket. This is the only place that
// sends, receives and counts sequence numbers. It knows no message of any protocol.

import { type Host, isSysError, type NetlinkSocket } from "../host.ts";
import type { Deadline } from "./deadline.ts";
import { EAGAIN, EINTR, ENOBUFS } from "./errno.ts";
import {
	DecodeError,
	NetlinkError,
	NLMSG_DONE,
	NLMSG_ERROR,
	Writer,
} from "./nl.ts";
import {
	after,
	errnoOf,
	errorText,
	type Message,
	messageAt,
	RecvBuffer,
} from "./reader.ts";

/** ctnetlink caps a dump's datagrams at 32 KiB (netlink_dump); a smaller buffer would be filled less. */
const RECV_BYTES = 32768;
/** A socket waits this long at a time, so that the deadline is looked at in between. */
const WAIT_MS = 500;
const TRIES = 3;
/** linux/netlink.h: the table changed under the dump; rtnetlink says so, ctnetlink never does. */
const NLM_F_DUMP_INTR = 0x10;

/** Writes the request for one of several items. With `ack` the kernel answers a success too. */
export type WriteOne<T> = (
	w: Writer,
	seq: number,
	ack: boolean,
	item: T,
) => void;

/** A socket of one netlink protocol, opened at first use, for requests one after another. */
export class Exchange {
	readonly #host: Host;
	readonly #protocol: number;
	readonly #deadline: Deadline;
	readonly #buffer = new RecvBuffer(RECV_BYTES);
	#socket: NetlinkSocket | undefined;
	#seq = 1;

	constructor(host: Host, protocol: number, deadline: Deadline) {
		this.#host = host;
		this.#protocol = protocol;
		this.#deadline = deadline;
	}

	close(): void {
		this.#socket?.close();
		this.#socket = undefined;
	}

	/**
	 * Sends one request and returns what `read` makes of its one answer. `what` names
	 * the request in errors. If the answer is lost (ENOBUFS) the request is sent again.
	 */
	ask<T>(
		what: string,
		write: (w: Writer, seq: number) => void,
		read: (b: RecvBuffer, m: Message) => T,
	): Promise<T> {
		return this.#persist(async () => {
			const seq = this.#seq++;
			const w = new Writer();
			write(w, seq);
			await this.#send(w);
			for (;;) {
				for (const m of await this.#receive()) {
					if (m.seq !== seq) continue;
					if (m.type === NLMSG_ERROR) throw this.#refusal(what, m);
					return read(this.#buffer, m);
				}
			}
		});
	}

	/**
	 * Sends a batch of requests in one write and returns the errno of each, 0 for
	 * success. `write` gets `ack` true for the last request alone: the kernel answers
	 * only that success, but every error. At most 200 items, or the errors overflow the
	 * socket. An overflow loses answers and no work, so the batch is sent again.
	 */
	batch<T>(items: readonly T[], write: WriteOne<T>): Promise<number[]> {
		const count = items.length;
		const w = new Writer(96 * count);
		return this.#persist(async () => {
			const first = this.#seq;
			this.#seq += count;
			w.clear();
			let seq = first;
			// a loop and not `forEach`, because thousands of entries may have to be removed
			for (const item of items) write(w, seq, ++seq === this.#seq, item);
			await this.#send(w);
			return this.#acks(first, count);
		});
	}

	async #acks(first: number, count: number): Promise<number[]> {
		const errnos = new Array<number>(count).fill(0);
		for (;;) {
			for (const m of await this.#receive()) {
				const index = m.seq - first;
				if (index < 0 || index >= count || m.type !== NLMSG_ERROR) continue;
				errnos[index] = errnoOf(this.#buffer, m);
				if (index === count - 1) return errnos;
			}
		}
	}

	/**
	 * Sends a dump request and passes each datagram to `read`, which returns true once
	 * it has seen the end. A dump that the kernel interrupts (ENOBUFS, EINTR) starts
	 * again, and then `read` sees messages twice.
	 */
	async dump(
		what: string,
		write: (w: Writer, seq: number) => void,
		read: (
			b: RecvBuffer,
			length: number,
			seq: number,
		) => Promise<boolean> | boolean,
	): Promise<void> {
		try {
			await this.#persist(async () => {
				const seq = this.#seq++;
				const w = new Writer();
				write(w, seq);
				await this.#send(w);
				for (;;) {
					const length = await this.#datagram();
					if (await read(this.#buffer, length, seq)) return;
				}
			});
		} catch (e) {
			throw wrap(what, e);
		}
	}

	/** Tries again if answers were lost: three times at most, each on a new socket. */
	async #persist<T>(attempt: () => Promise<T>): Promise<T> {
		for (let tries = 1; ; tries++) {
			try {
				return await attempt();
			} catch (e) {
				// the rest of an answer would follow on this socket
				this.close();
				if (!isInterruption(e) || tries >= TRIES) throw e;
			}
		}
	}

	/** Sends a dump request and passes each message to `visit`, until it returns true. It is too slow for a whole conntrack table. */
	each(
		what: string,
		write: (w: Writer, seq: number) => void,
		visit: (b: RecvBuffer, m: Message) => unknown,
	): Promise<void> {
		return this.dump(what, write, (b, length, seq) => {
			for (let at = 0; at < length; ) {
				const m = messageAt(b, at, length);
				at = after(m);
				if (m.seq !== seq) continue;
				if (this.ends(what, m) || visit(b, m) === true) return true;
			}
			return false;
		});
	}

	/**
	 * Returns true if the message ends the dump. Throws NetlinkError if the kernel
	 * refused or interrupted the dump.
	 */
	ends(what: string, m: Message): boolean {
		if (m.flags & NLM_F_DUMP_INTR)
			throw new NetlinkError(what, EINTR, undefined);
		if (m.type !== NLMSG_DONE && m.type !== NLMSG_ERROR) return false;
		if (errnoOf(this.#buffer, m) !== 0) throw this.#refusal(what, m);
		return true;
	}

	#refusal(what: string, m: Message): NetlinkError {
		const b = this.#buffer;
		return new NetlinkError(what, errnoOf(b, m), errorText(b, m));
	}

	async #send(w: Writer): Promise<void> {
		this.#socket ??= this.#host.netlink(
			this.#protocol,
			Math.min(WAIT_MS, this.#deadline.left()),
		);
		await this.#socket.send(w.bytes());
	}

	/** Returns the length of the next datagram. Throws DeadlineError if none comes in time. */
	async #datagram(): Promise<number> {
		if (!this.#socket) throw new TypeError("nothing was asked");
		for (;;) {
			this.#deadline.left();
			try {
				return await this.#socket.recv(this.#buffer.bytes);
			} catch (e) {
				if (!isSysError(e) || e.errno !== EAGAIN) throw e;
			}
		}
	}

	async #receive(): Promise<Message[]> {
		const length = await this.#datagram();
		const messages: Message[] = [];
		for (let at = 0; at < length; ) {
			const m = messageAt(this.#buffer, at, length);
			messages.push(m);
			at = after(m);
		}
		return messages;
	}
}

function isInterruption(e: unknown): boolean {
	return (
		(isSysError(e) || e instanceof NetlinkError) &&
		(e.errno === ENOBUFS || e.errno === EINTR)
	);
}

/** Returns the same error with the name of the request in front of its message. */
function wrap(what: string, e: unknown): unknown {
	if (isSysError(e) || e instanceof DecodeError)
		e.message = `${what}: ${e.message}`;
	return e;
}
