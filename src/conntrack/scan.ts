// A pass over the table that decodes each entry whole, for the command line and for the
// sweep. A flush decodes less (verdictcache.ts).

import type { Message, RecvBuffer } from "../netlink/reader.ts";
import { type Entry, readEntry } from "./entry.ts";
import type { DumpFilter } from "./messages.ts";
import type { PortSet } from "./skip.ts";
import type { Conntrack, ScanCount } from "./table.ts";

/** Decodes one entry. Throws DecodeError. */
export type Read<E> = (b: RecvBuffer, m: Message) => E;

/**
 * Passes the entries that have one of the ports to `visit`, in one call for each
 * datagram, and counts all entries in `count`. `visit` may remove entries. `read`
 * decodes an entry; detail.ts has one that reads more. Throws as `Conntrack.pass`.
 */
export async function scan<E extends Entry = Entry>(
	table: Conntrack,
	ports: PortSet,
	count: ScanCount,
	visit: (hits: readonly E[]) => Promise<void> | void,
	filter?: DumpFilter,
	read: Read<E> = readEntry as Read<E>,
): Promise<void> {
	let hits: E[] = [];
	await table.pass(
		ports,
		count,
		(b, m) => {
			const entry = read(b, m);
			if (isFound(ports, entry)) hits.push(entry);
		},
		async () => {
			const found = hits;
			hits = [];
			if (found.length > 0) await visit(found);
		},
		filter,
	);
}

/** Returns true if the entry has one of the ports, or is of another protocol to look at: one whose layout hides its ports is decoded too. */
export function isFound(
	ports: PortSet,
	{ proto, orig, reply }: Entry,
): boolean {
	return (
		ports.has(proto, orig.dport) ||
		ports.hasReply(proto, reply.dport) ||
		(ports.others?.(proto) ?? false)
	);
}
