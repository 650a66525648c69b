// Which programs publish ports by rules, for a command that knows no hostPort and has to
// say what it could go by. What the rules do is in evaluate.ts.

import type { Host } from "../host.ts";
import { AF_INET, AF_INET6 } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import { Callers } from "./callers.ts";
import { type Engine, engineOf } from "./engines.ts";
import { readLegacy } from "./legacy.read.ts";
import { type OnDNAT, readPublished, visitLegacy } from "./survey.ts";

const DEADLINE_MS = 30_000;

/** The programs that are looked for, for people. */
export const PUBLISHING_IN_WORDS = "portmap, netavark, Docker, CRI-O or Incus";

/** Returns the programs that publish a port here. Rules that cannot be read count as none. */
export async function publishersOf(host: Host): Promise<ReadonlySet<Engine>> {
	const engines = new Set<Engine>();
	const add: OnDNAT = (rule) => void engines.add(engineOf(rule));
	const requests = new Exchange(
		host,
		NETLINK_NETFILTER,
		new Deadline(host, DEADLINE_MS),
	);
	try {
		await readPublished(requests, new Callers(), add);
	} catch {
		// the command itself has said what it could not read
	} finally {
		requests.close();
	}
	for (const family of [AF_INET, AF_INET6] as const)
		try {
			const everything = { address: () => true, port: () => true };
			const rules = readLegacy(host, family, everything);
			if (rules) visitLegacy(rules, new Callers(), add);
		} catch {
			// as above
		}
	return engines;
}
