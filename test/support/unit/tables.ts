// Helpers for the tests of the conntrack table: a table over a kernel in memory, its
// entries, its statistics, and a scan of a single datagram.

import { type Entry, readEntry } from "../../../src/conntrack/entry.ts";
import { scan } from "../../../src/conntrack/scan.ts";
import type { PortSet } from "../../../src/conntrack/skip.ts";
import { Conntrack, type ScanCount } from "../../../src/conntrack/table.ts";
import type { NetlinkSocket } from "../../../src/host.ts";
import { Deadline } from "../../../src/netlink/deadline.ts";
import { DecodeError, NetlinkError } from "../../../src/netlink/nl.ts";
import {
	type Message,
	messageAt,
	RecvBuffer,
} from "../../../src/netlink/reader.ts";
import { textOf } from "../../fuzz/scan.ts";
import { attr, be32, type EntrySpec, message, nfgenmsg } from "../entries.ts";
import { fakeHost, sysError } from "../fakehost.ts";
import {
	type FakeKernelOptions,
	fakeKernel,
	type Reply,
} from "../fakekernel.ts";
import type { Found } from "./plaindecoder.ts";

// NFNL_SUBSYS_CTNETLINK << 8 | message
export const DELETE = 0x0102;
export const NEW = 0x0100;
export const GET = 0x0101;
export const GET_STATS = 0x0105;
export const GET_STATS_CPU = 0x0104;

export function setUp(options: FakeKernelOptions = {}) {
	const clock = { ms: 0 };
	const kernel = fakeKernel({ clock, ...options });
	const host = fakeHost({ clock, netlink: kernel.netlink });
	const table = new Conntrack(host, new Deadline(host, 5000));
	return { clock, kernel, table };
}

/** Entries to the pod before, one per client port. */
export function flows(n: number, more: Partial<EntrySpec> = {}): EntrySpec[] {
	return Array.from({ length: n }, (_, i) => ({
		orig: `192.0.2.7:${10_000 + i} > 203.0.113.1:8125`,
		reply: `10.88.0.9:5353 > 192.0.2.7:${10_000 + i}`,
		status: ["DST_NAT"],
		id: 1000 + i,
		...more,
	}));
}

/** Reads the one message of a buffer whose other bytes are no zeros. */
export function parse<T>(
	bytes: Uint8Array,
	read: (b: RecvBuffer, m: Message) => T,
): T {
	const b = new RecvBuffer(4096);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	return read(b, messageAt(b, 0, bytes.length));
}

/** The counters of one CPU, by the types of their attributes. */
export function cpuMessage(
	seq: number,
	cpu: number,
	...words: readonly (readonly [type: number, value: number])[]
): Uint8Array {
	return message(
		{ type: GET_STATS_CPU, flags: 2, seq },
		Uint8Array.of(0, 0, cpu >> 8, cpu & 0xff),
		...words.map(([type, value]) => attr(type, be32(value))),
	);
}

/** The answer with the number of entries and its limit. */
export function fillMessage(
	seq: number,
	...values: readonly number[]
): Uint8Array {
	return message(
		{ type: GET_STATS, seq },
		nfgenmsg(0),
		...values.map((value, i) => attr(i + 1, be32(value))),
	);
}

/** Returns the answers of a kernel whose table has `n` entries: it sends the hundred that it is given again and again. */
export function enlarged(n: number): NonNullable<FakeKernelOptions["answer"]> {
	return (r, usual) => {
		if (r.type === GET_STATS) return [fillMessage(r.seq, n)];
		if (r.type !== GET) return undefined;
		const [hundred = "EIO", ...end] = usual(r);
		return [...Array<Reply>(n / 100).fill(hundred), ...end];
	};
}

const WANTS_MORE = new Error("the scan asked for another datagram");

/**
 * Scans one datagram of the dump whose sequence number is `seq`, 1 to 3. It lies in a
 * buffer whose other bytes are all `behind`.
 */
export async function scanDatagram(
	bytes: Uint8Array,
	seq: number,
	ports: PortSet,
	behind = 0xa5,
): Promise<Omit<Found, "unclear">> {
	let asked = 0;
	let isDelivered = false;
	const socket: NetlinkSocket = {
		send({ buffer, byteOffset }) {
			asked = new DataView(buffer, byteOffset).getUint32(8, true);
		},
		recv(into) {
			if (isDelivered) throw WANTS_MORE;
			// a dump whose answer is lost is asked for again, with the next number
			if (asked < seq) throw sysError("ENOBUFS", "recvmsg");
			isDelivered = true;
			into.fill(behind);
			into.set(bytes);
			return bytes.length;
		},
		close() {},
	};
	const host = fakeHost({ netlink: () => socket });
	const count: ScanCount = { entries: 0, kept: 0, undecodable: 0 };
	const read: Entry[] = [];
	const visited: Entry[] = [];
	const fault: unknown = await scan(
		new Conntrack(host, new Deadline(host, 5000)),
		ports,
		count,
		(hits: readonly Entry[]) => void visited.push(...hits),
		undefined,
		(b, m) => {
			const e = readEntry(b, m);
			read.push(e);
			return e;
		},
	).then(
		() => undefined,
		(e: unknown) => e,
	);
	const end = endOf(fault);
	// a datagram with a fault is not visited, but what comes before the fault was read
	const hits =
		end === "malformed" || end === "error"
			? read.filter(
					({ proto, orig, reply }) =>
						ports.has(proto, orig.dport) || ports.hasReply(proto, reply.dport),
				)
			: visited;
	return { hits: hits.map(textOf), entries: count.entries, end };
}

function endOf(fault: unknown): Found["end"] {
	if (fault === undefined) return "done";
	if (fault === WANTS_MORE) return "";
	if (fault instanceof DecodeError) return "malformed";
	if (fault instanceof NetlinkError) return "error";
	throw fault;
}
