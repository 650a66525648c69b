// The conntrack table of this network namespace over ctnetlink: count, scan, remove,
// retire, kernel flush. It decides about no entry.

import type { Host } from "../host.ts";
import { Deadline } from "../netlink/deadline.ts";
import { EBUSY, EINVAL, ENOENT, EOPNOTSUPP, EPERM } from "../netlink/errno.ts";
import { Exchange, type WriteOne } from "../netlink/exchange.ts";
import {
	DecodeError,
	NETLINK_NETFILTER,
	NetlinkError,
	type Writer,
} from "../netlink/nl.ts";
import {
	after,
	type Message,
	messageAt,
	type RecvBuffer,
} from "../netlink/reader.ts";
import { IPCTNL_MSG_CT_NEW, IPS_ASSURED, IPS_SEEN_REPLY } from "./constants.ts";
import type { Target } from "./entry.ts";
import {
	type DumpFilter,
	deleteFiltered,
	deleteOne,
	type FlushFilter,
	getAll,
	getFill,
	getFiltered,
	type Key,
	readFill,
	retireOne,
} from "./messages.ts";
import { Sample } from "./sample.ts";
import { type EntryCount, type PortSet, skipOthers } from "./skip.ts";

/** Requests in one batch: more answers may overflow the default receive buffer, which holds 256. */
const BATCH = 200;
const PROBE_MS = 5000;
/** Entries that are read as a sample: they come in three or four datagrams. */
const SAMPLED = 600;
/** A scan ends this long before the deadline, which leaves time for the removals. */
const RESERVE_MS = 1000;

/** The results of removals. */
export interface RemovalCount {
	/** Entries that were deleted or retired. */
	done: number;
	/** Entries that expired, or were removed or replaced by others, since they were read. */
	expired: number;
	/** Removals that the kernel refused, by errno. */
	readonly failed: Map<number, number>;
}

/** The entries that a scan has read. */
export interface ScanCount extends EntryCount {
	/** Entries that could not be decoded, and were left alone. */
	undecodable: number;
}

/**
 * Treats the entries of a datagram of `length` bytes from offset `at` on as far as it can
 * without decoding them, and counts these. Returns the offset of the first that it cannot
 * treat. Only messages with this sequence number are of the dump.
 */
export type Ahead = (
	b: RecvBuffer,
	at: number,
	length: number,
	seq: number,
) => number;

export class Conntrack {
	readonly #host: Host;
	readonly #deadline: Deadline;
	readonly #requests: Exchange;

	constructor(host: Host, deadline: Deadline) {
		this.#host = host;
		this.#deadline = deadline;
		this.#requests = new Exchange(host, NETLINK_NETFILTER, deadline);
	}

	close(): void {
		this.#requests.close();
	}

	/** Returns the number of entries. Throws NetlinkError: EPERM without CAP_NET_ADMIN, EINVAL without nf_conntrack_netlink. */
	async count(): Promise<number> {
		const { entries } = await this.#requests.ask(
			"count entries",
			getFill,
			readFill,
		);
		return entries;
	}

	/** Returns the shares that families and protocols have in a sample of the table. */
	async shares(): Promise<(p: DumpFilter) => number> {
		const sample = new Sample();
		const table = new Exchange(this.#host, NETLINK_NETFILTER, this.#deadline);
		try {
			await table.each("read some entries", getAll, (b, m) => {
				sample.add(b, m);
				return sample.entries === SAMPLED;
			});
		} finally {
			// the rest of the dump ends with its socket
			table.close();
		}
		return ({ family, proto }) => sample.share(family, proto);
	}

	/**
	 * Reads the table once, or the part of it that `filter` lets through, and counts all
	 * entries in `count`. `look` is called with the message of each entry that may have
	 * one of the ports, and `settle` after each datagram; `settle` may remove entries, and
	 * ends the pass if it returns true. If
	 * `look` throws a DecodeError, the entry counts as undecodable. An entry comes twice
	 * if the kernel interrupted the dump. scan.ts decodes the entries. `ahead` is called
	 * for each entry that a search for one with a port has found.
	 */
	async pass(
		ports: PortSet,
		count: ScanCount,
		look: (b: RecvBuffer, m: Message) => void,
		settle: () => Promise<boolean> | Promise<void>,
		filter?: DumpFilter,
		ahead?: Ahead,
	): Promise<void> {
		const what = "read entries";
		const write = (w: Writer, seq: number): void =>
			filter ? getFiltered(w, seq, filter) : getAll(w, seq);
		const reading = this.#deadline.before(RESERVE_MS);
		const table = new Exchange(this.#host, NETLINK_NETFILTER, reading);
		try {
			await table.dump(what, write, async (b, length, seq) => {
				let ended = false;
				for (let at = 0; !ended; ) {
					const found = skipOthers(b, at, length, ports, count);
					at = ahead?.(b, found, length, seq) ?? found;
					if (at > found) continue;
					if (at >= length) break;
					const m = messageAt(b, at, length);
					at = after(m);
					if (m.seq !== seq) continue;
					if (m.type !== IPCTNL_MSG_CT_NEW) {
						ended = table.ends(what, m);
						continue;
					}
					count.entries++;
					if (!wasRead(look, b, m)) count.undecodable++;
				}
				return (await settle()) || ended;
			});
		} finally {
			table.close();
		}
	}

	/** Deletes exactly these entries. */
	async remove(keys: readonly Key[]): Promise<RemovalCount> {
		const outcome = nothing();
		await this.#each(keys, deleteOne, (_, errno) => tally(outcome, errno));
		return outcome;
	}

	/** Lets these entries expire in `seconds`, whatever is sent in the meantime. */
	async retire(
		targets: readonly Target[],
		seconds: number,
	): Promise<RemovalCount> {
		const outcome = nothing();
		const busy: Target[] = [];
		const write: WriteOne<Target> = (w, seq, ack, { key, status }) =>
			retireOne(w, seq, ack, key, status, seconds);
		await this.#each(targets, write, ({ key, status }, errno) => {
			// a reply came since the dump, and the bits that it set must be repeated
			if (errno === EBUSY)
				busy.push({ key, status: status | IPS_SEEN_REPLY | IPS_ASSURED });
			// EPERM: the entry was retired before, see `retireOne`
			else tally(outcome, errno === EPERM ? ENOENT : errno);
		});
		await this.#each(busy, write, (_, errno) => tally(outcome, errno));
		return outcome;
	}

	/**
	 * Makes the kernel delete the entries that agree with `filter`. Returns false if this
	 * kernel (before 6.12) cannot, and then nothing was deleted.
	 */
	async kernelFlush(filter: FlushFilter): Promise<boolean> {
		const [errno = 0] = await this.#requests.batch([filter], (w, seq) =>
			deleteFiltered(w, seq, filter),
		);
		if (errno === EINVAL || errno === EOPNOTSUPP) return false;
		if (errno !== 0) throw new NetlinkError("kernel flush", errno, undefined);
		return true;
	}

	async #each<T>(
		items: readonly T[],
		write: WriteOne<T>,
		result: (item: T, errno: number) => void,
	): Promise<void> {
		for (let from = 0; from < items.length; from += BATCH) {
			const chunk = items.slice(from, from + BATCH);
			const errnos = await this.#requests.batch(chunk, write);
			for (let i = 0; i < chunk.length; i++)
				result(chunk[i] as T, errnos[i] ?? 0);
		}
	}
}

/** Throws the error that any use of ctnetlink would end in, if there is one. */
export async function probe(host: Host): Promise<void> {
	const table = new Conntrack(host, new Deadline(host, PROBE_MS));
	try {
		await table.count();
	} finally {
		table.close();
	}
}

function nothing(): RemovalCount {
	return { done: 0, expired: 0, failed: new Map() };
}

function tally(outcome: RemovalCount, errno: number): void {
	if (errno === 0) outcome.done++;
	else if (errno === ENOENT) outcome.expired++;
	else outcome.failed.set(errno, (outcome.failed.get(errno) ?? 0) + 1);
}

/** Returns false if the entry cannot be decoded. */
function wasRead(
	look: (b: RecvBuffer, m: Message) => void,
	b: RecvBuffer,
	m: Message,
): boolean {
	try {
		look(b, m);
		return true;
	} catch (e) {
		if (e instanceof DecodeError) return false;
		throw e;
	}
}
