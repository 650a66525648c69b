// A scan over a socket that gives certain datagrams and then nothing, and what
// came of it in plain data. It runs in Node and, within the probe, in the
// executable's engine: nothing here may be Node's.

import type { Entry, Tuple } from "../../src/conntrack/entry.ts";
import { scan } from "../../src/conntrack/scan.ts";
import { PortSet } from "../../src/conntrack/skip.ts";
import { Conntrack, type ScanCount } from "../../src/conntrack/table.ts";
import { type Host, isSysError } from "../../src/host.ts";
import type { Proto } from "../../src/net/proto.ts";
import { Deadline, DeadlineError } from "../../src/netlink/deadline.ts";
import { EAGAIN } from "../../src/netlink/errno.ts";
import { DecodeError, NetlinkError } from "../../src/netlink/nl.ts";
import { doneMessage, hex, wireOf } from "../support/entries.ts";

export const WANTED: readonly {
	readonly proto: Proto;
	readonly port: number;
}[] = [
	{ proto: 17, port: 8125 },
	{ proto: 6, port: 8125 },
	{ proto: 132, port: 8125 },
	{ proto: 17, port: 53 },
];

export interface Scanned {
	/** The entries that were found, with all that was read of them. */
	readonly hits: readonly string[];
	readonly count: ScanCount;
	/** The error that ended it, if it did not reach the end. */
	readonly error: string | null;
	/** True if that error is one that callers can tell apart. */
	readonly isTyped: boolean;
	/** Requests: more than one if the dump was asked for again. */
	readonly sent: number;
}

/** Scans a dump of this one datagram and its end. */
export async function scanDump(bytes: Uint8Array): Promise<Scanned> {
	const left = [bytes, doneMessage(1)];
	let ms = 0;
	let sent = 0;
	const host: Pick<Host, "netlink" | "ticks"> = {
		ticks: () => ms,
		netlink: (_, timeoutMs) => ({
			send: () => {
				sent++;
			},
			recv(into) {
				const next = left.shift();
				if (next === undefined) {
					// no error that has a type: a deadline has failed
					if (ms > 60_000) throw new Error("a minute without an end");
					ms += timeoutMs;
					throw nothingCame();
				}
				into.set(next.subarray(0, into.length));
				return Math.min(next.length, into.length);
			},
			close() {},
		}),
	};
	const ports = new PortSet();
	for (const { proto, port } of WANTED) ports.add(proto, port);
	const found: Entry[] = [];
	const count: ScanCount = { entries: 0, kept: 0, undecodable: 0 };
	let error: unknown;
	try {
		// it asks its host for no more than this
		const whole = host as Host;
		const table = new Conntrack(whole, new Deadline(whole, 5000));
		await scan(table, ports, count, (hits: readonly Entry[]) => {
			found.push(...hits);
		});
	} catch (e) {
		error = e;
	}
	return {
		hits: found.map(textOf),
		count,
		error: error === undefined ? null : String(error),
		isTyped:
			error === undefined ||
			error instanceof DecodeError ||
			error instanceof NetlinkError ||
			error instanceof DeadlineError ||
			isSysError(error),
		sent,
	};
}

/** One dump a line in hex, each with its end of line; the result of each as a line of JSON, as soon as it is there. */
export async function scanLines(
	lines: string,
	write: (line: string) => void,
): Promise<void> {
	for (const line of lines.split("\n").slice(0, -1))
		write(`${JSON.stringify(await scanDump(hex(line)))}\n`);
}

function nothingCame(): Error {
	return Object.assign(new Error("recvmsg: nothing came"), {
		code: "EAGAIN",
		errno: EAGAIN,
		syscall: "recvmsg",
	});
}

/** An entry as a line. */
export function textOf({
	family,
	proto,
	orig,
	reply,
	status,
	key,
}: Entry): string {
	const named = wireOf(key);
	return `${family} ${proto} ${ends(orig)}, ${ends(reply)} status ${status} key ${named.reply} ${named.id} ${named.zone}`;
}

function ends({ src, sport, dst, dport, zone }: Tuple): string {
	return `${src} ${sport} > ${dst} ${dport}${zone === undefined ? "" : ` zone ${zone}`}`;
}
