// Which servers are wanted by several sources from one source port, found in the entries
// that a dump begins with. These are the flows that a masquerade can only tell apart by
// another port, and that lose packets if they begin at the same moment.

import type { Host } from "../host.ts";
import type { IP } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { DecodeError, NETLINK_NETFILTER } from "../netlink/nl.ts";
import { IPCTNL_MSG_CT_NEW } from "./constants.ts";
import { type Entry, readEntry } from "./entry.ts";
import { getAll } from "./messages.ts";

const DEADLINE_MS = 5000;
/** Entries of the sample. Those of a busy server are among so many, because the table has no order. */
const SAMPLED = 8192;

/** A server whose clients choose the same source port. */
export interface PortRace {
	readonly proto: number;
	readonly dst: IP;
	readonly dport: number;
	/** The sources that share a source port with another. */
	readonly sources: readonly IP[];
}

/** Returns the servers that several sources want from one port, the one with the most such entries first. Throws NetlinkError, SysError or DeadlineError. */
export async function samplePortRaces(host: Host): Promise<PortRace[]> {
	const deadline = new Deadline(host, DEADLINE_MS);
	const table = new Exchange(host, NETLINK_NETFILTER, deadline);
	const entries: Entry[] = [];
	let read = 0;
	try {
		await table.each("read some entries", getAll, (b, m) => {
			if (m.type !== IPCTNL_MSG_CT_NEW) return false;
			try {
				const e = readEntry(b, m);
				// the others would only take memory
				if (isMasqueraded(e)) entries.push(e);
			} catch (e) {
				if (!(e instanceof DecodeError)) throw e;
			}
			return ++read === SAMPLED;
		});
	} finally {
		// the rest of the dump ends with its socket
		table.close();
	}
	return wantedBySeveral(entries);
}

/** Only a masquerade has to tell sources apart by their ports. */
function isMasqueraded({ orig, reply }: Entry): boolean {
	return orig.sport !== 0 && reply.dst !== orig.src;
}

/** Returns the servers whose masqueraded entries have one source port and several sources. */
export function wantedBySeveral(entries: readonly Entry[]): PortRace[] {
	const ports = new Map<string, Entry[]>();
	for (const e of entries) {
		if (!isMasqueraded(e)) continue;
		const { proto, orig } = e;
		const key = `${proto} ${orig.dst} ${orig.dport} ${orig.sport}`;
		const same = ports.get(key);
		if (same) same.push(e);
		else ports.set(key, [e]);
	}
	const servers = new Map<
		string,
		PortRace & { sources: IP[]; entries: number }
	>();
	for (const some of ports.values()) {
		const sources = new Set(some.map(({ orig }) => orig.src));
		const [first] = some;
		if (sources.size < 2 || !first) continue;
		const { proto, orig } = first;
		const { dst, dport } = orig;
		const key = `${proto} ${dst} ${dport}`;
		const server = servers.get(key) ?? {
			proto,
			dst,
			dport,
			sources: [],
			entries: 0,
		};
		server.entries += some.length;
		for (const src of sources)
			if (!server.sources.includes(src)) server.sources.push(src);
		servers.set(key, server);
	}
	return [...servers.values()]
		.toSorted((a, b) => b.entries - a.entries)
		.map(({ proto, dst, dport, sources }) => ({ proto, dst, dport, sources }));
}
