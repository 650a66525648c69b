// The loop of Conntrack.scan over one datagram, without a socket.

import { type Entry, readEntry } from "../../../src/conntrack/entry.ts";
import { type PortSet, skipOthers } from "../../../src/conntrack/skip.ts";
import { DecodeError } from "../../../src/netlink/nl.ts";
import {
	messageAt,
	after as nextAfter,
	RecvBuffer,
} from "../../../src/netlink/reader.ts";
import { textOf } from "../../fuzz/scan.ts";
import type { Found } from "./plaindecoder.ts";

/** The quick loop first, then the closer look. */
export function scan(
	bytes: Uint8Array,
	seq: number,
	ports: PortSet,
): Omit<Found, "unclear"> {
	const b = new RecvBuffer((bytes.length + 67) & ~3);
	b.bytes.fill(0xa5);
	b.bytes.set(bytes);
	const found: Omit<Found, "unclear"> = { hits: [], entries: 0, end: "" };
	const passed = { entries: 0, kept: 0 };
	for (let at = 0; ; ) {
		let m: ReturnType<typeof messageAt>;
		try {
			at = skipOthers(b, at, bytes.length, ports, passed);
			found.entries += passed.entries;
			passed.entries = 0;
			if (at >= bytes.length) return found;
			m = messageAt(b, at, bytes.length);
		} catch (e) {
			if (!(e instanceof DecodeError)) throw e;
			found.end = "malformed";
			return found;
		}
		at = nextAfter(m);
		if (m.seq !== seq) continue;
		if (m.type === 2 || m.type === 3) {
			found.end = m.type === 2 ? "error" : "done";
			return found;
		}
		if (m.type !== 0x0100) continue;
		found.entries++;
		let e: Entry;
		try {
			e = readEntry(b, m);
		} catch (fault) {
			if (!(fault instanceof DecodeError)) throw fault;
			continue;
		}
		if (ports.has(e.proto, e.orig.dport)) found.hits.push(textOf(e));
	}
}
