// The rules by which programs publish ports on this node: reads them for a survey
// (survey.ts), and says whose they are. What the rules do is in evaluate.ts.

import type { Host } from "../host.ts";
import { AF_INET, AF_INET6, type Family } from "../net/ip.ts";
import { Deadline } from "../netlink/deadline.ts";
import { Exchange } from "../netlink/exchange.ts";
import { NETLINK_NETFILTER } from "../netlink/nl.ts";
import { Callers } from "./callers.ts";
import { type Engine, engineOf } from "./engines.ts";
import { readLegacy } from "./legacy.read.ts";
import type { Interest } from "./model.ts";
import {
	type OnDNAT,
	readPublished,
	type Visitor,
	visitLegacy,
} from "./survey.ts";

const DEADLINE_MS = 30_000;
const EVERYTHING: Interest = { address: () => true, port: () => true };

/** The programs that are looked for, for people. */
export const PUBLISHING_IN_WORDS = "portmap, netavark, Docker, CRI-O or Incus";

/** Returns the programs that publish a port here. Rules that cannot be read count as none. */
export async function publishersOf(host: Host): Promise<ReadonlySet<Engine>> {
	const engines = new Set<Engine>();
	const add: OnDNAT = (rule) => void engines.add(engineOf(rule));
	const deadline = new Deadline(host, DEADLINE_MS);
	try {
		await surveyTables(host, deadline, new Callers(), add);
	} catch {
		// the command itself has said what it could not read
	}
	for (const family of [AF_INET, AF_INET6] as const)
		try {
			surveyLegacy(host, family, new Callers(), add);
		} catch {
			// as above
		}
	return engines;
}

/**
 * Surveys the rules in nf_tables. Returns false if this kernel has none. Throws
 * NetlinkError, SysError, DecodeError or DeadlineError.
 */
export async function surveyTables(
	host: Host,
	deadline: Deadline,
	callers: Visitor,
	found: OnDNAT,
): Promise<boolean> {
	const requests = new Exchange(host, NETLINK_NETFILTER, deadline);
	try {
		return await readPublished(requests, callers, found);
	} finally {
		requests.close();
	}
}

/** Surveys the rules of legacy iptables of a family. Returns false if there are none. Throws as `readLegacy`. */
export function surveyLegacy(
	host: Host,
	family: Family,
	callers: Visitor,
	found: OnDNAT,
): boolean {
	const rules = readLegacy(host, family, EVERYTHING);
	if (rules) visitLegacy(rules, callers, found);
	return rules !== undefined;
}
