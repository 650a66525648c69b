// The pass over a table that counts it. It reads one dump, and judges no entry.

import type { Host } from "../host.ts";
import { AF_UNSPEC } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import { after, messageAt } from "../netlink/reader.ts";
import { meetAny, meetPlain } from "./census.count.ts";
import { Census, type CensusQuery } from "./census.ts";
import { IPCTNL_MSG_CT_NEW } from "./constants.ts";
import { type Fill, getAll, getFill, readFill } from "./messages.ts";

const DEADLINE_MS = 600_000;

/** Counts the entries of the table, and asks the kernel how full it is. Throws NetlinkError, SysError or DeadlineError. */
export async function takeCensus(
	host: Host,
	query: CensusQuery,
): Promise<{ readonly fill: Fill; readonly census: Census }> {
	const what = "count entries";
	const deadline = new Deadline(host, DEADLINE_MS);
	const table = new Exchange(host, NETLINK_NETFILTER, deadline);
	let census = new Census(query);
	let last: number | undefined;
	try {
		const fill = await table.ask(what, getFill, readFill);
		await table.dump(
			what,
			(w, seq) => getAll(w, seq, query.family ?? AF_UNSPEC),
			(b, length, seq) => {
				// a dump that was interrupted begins again
				if (last !== undefined && seq !== last) census = new Census(query);
				last = seq;
				const memory = new Int32Array(b.bytes.buffer);
				let ended = false;
				for (let at = 0; !ended; ) {
					at = meetPlain(memory, b, at, length, census);
					if (at >= length) break;
					const m = messageAt(b, at, length);
					at = after(m);
					if (m.seq !== seq) continue;
					if (m.type === IPCTNL_MSG_CT_NEW) meetAny(b, m, census);
					else ended = table.ends(what, m);
				}
				census.settle(memory);
				return ended;
			},
		);
		return { fill, census };
	} finally {
		table.close();
	}
}
