// The pass over a table that counts it. It reads one dump, of a large table its beginning,
// and judges no entry.

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
/** With so many entries a share of them is wrong by less than 0.3 % of the whole, in 99 of 100 samples. */
export const SAMPLED = 200_000;

export interface CensusTerms extends CensusQuery {
	/** True: a table of more than SAMPLED entries is read to its end, too. */
	readonly isExact: boolean;
}

/**
 * Counts the entries of the table, and asks the kernel how full it is. Of a large table
 * it counts those that come first, unless one family is wanted: how large a part these
 * are of the family, nobody says. They are a fair sample, because a dump follows the hash
 * of the tuples (ctnetlink_dump_table), and the kernel makes the most of the cost. Throws
 * NetlinkError, SysError or DeadlineError.
 */
export async function takeCensus(
	host: Host,
	query: CensusTerms,
): Promise<{ readonly fill: Fill; readonly census: Census }> {
	const what = "count entries";
	const deadline = new Deadline(host, DEADLINE_MS);
	const table = new Exchange(host, NETLINK_NETFILTER, deadline);
	let census = new Census(query);
	let last: number | undefined;
	try {
		const fill = await table.ask(what, getFill, readFill);
		const isSample =
			!query.isExact && query.family === undefined && fill.entries > SAMPLED;
		await table.dump(
			what,
			(w, seq) => getAll(w, seq, query.family ?? AF_UNSPEC),
			(b, length, seq) => {
				// a dump that was interrupted begins again
				if (last !== undefined && seq !== last) census = new Census(query);
				last = seq;
				let ended = false;
				for (let at = 0; !ended; ) {
					at = meetPlain(b, at, length, census);
					if (at >= length) break;
					const m = messageAt(b, at, length);
					at = after(m);
					if (m.seq !== seq) continue;
					if (m.type === IPCTNL_MSG_CT_NEW) meetAny(b, m, census);
					else ended = table.ends(what, m);
				}
				census.settle(b.words);
				if (!isSample || census.read < SAMPLED) return ended;
				census.share = Math.min(1, census.read / fill.entries);
				return true;
			},
		);
		return { fill, census };
	} finally {
		table.close();
	}
}
