// Which dumps of the table show the stale entries of a node: those of the protocols that
// attachments map or that rules publish. It reads rules, and of the table a sample.

import type { DumpFilter } from "../conntrack/messages.ts";
import type { Conntrack } from "../conntrack/table.ts";
import { situationOf, WORTH_A_SAMPLE } from "../flush/find.ts";
import type { Host } from "../host.ts";
import { AF_INET, AF_INET6 } from "../net/ip.ts";
import { type Deadline, DeadlineError } from "../netlink/deadline.ts";
import type { PortRow } from "../policy/mapping.ts";
import { plan } from "../policy/plan.ts";
import type { NatRule } from "../rules/model.ts";
import { type Traffic, trafficOf } from "../rules/protocols.ts";
import { surveyLegacy, surveyTables } from "../rules/publishers.ts";
import { isPublishing } from "../rules/survey.ts";

/**
 * Returns the dumps for the entries of `wanted` that may be stale. undefined stands for
 * one of the whole table, also where the rules cannot be read. Throws NetlinkError,
 * SysError or DeadlineError.
 */
export async function dumpsOfStale(
	host: Host,
	deadline: Deadline,
	table: Conntrack,
	wanted: readonly DumpFilter[],
	mapped: readonly PortRow[],
): Promise<readonly (DumpFilter | undefined)[]> {
	let published: readonly Traffic[];
	try {
		published = await publishedTraffic(host, deadline);
	} catch (e) {
		if (e instanceof DeadlineError) throw e;
		return [undefined];
	}
	const some = [...mapped, ...published];
	const ports = wanted.filter(({ family, proto }) =>
		some.some((t) => t.family === family && t.proto === proto),
	);
	const entries = await table.count();
	if (entries === 0 || ports.length === 0) return [];
	const situation = situationOf(host, entries, ports, undefined);
	const chosen = plan(
		entries < WORTH_A_SAMPLE
			? situation
			: { ...situation, share: await table.shares() },
	);
	return chosen.how === "filtered-dump" ? chosen.dumps : [undefined];
}

/** Returns the traffic that programs which publish ports have rules for, some of it more than once. */
async function publishedTraffic(
	host: Host,
	deadline: Deadline,
): Promise<Traffic[]> {
	const found: Traffic[] = [];
	const visitor = {
		addBase() {},
		add(rule: NatRule) {
			if (isPublishing(rule)) found.push(...trafficOf(rule));
		},
	};
	for (const family of [AF_INET, AF_INET6] as const)
		surveyLegacy(host, family, visitor, () => {});
	await surveyTables(host, deadline, visitor, () => {});
	return found;
}
