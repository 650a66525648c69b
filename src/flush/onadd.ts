// ADD: the attachment is recorded, and the entries that keep its traffic from it are
// removed. CHECK counts the same entries.

import type { Entry } from "../conntrack/entry.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { attempt, type Context } from "../context.ts";
import { once } from "../log.ts";
import { type IP, ipBytes } from "../net/ip.ts";
import type { Deadline } from "../netlink/exchange.ts";
import { begunByDeparted } from "../policy/begun.ts";
import {
	type Attachment,
	addressesOf,
	byPort,
	first,
	type Mapping,
} from "../policy/mapping.ts";
import { retiredOnAdd, servedBy, staleOnAdd } from "../policy/stale.ts";
import { endedOthers, othersThan } from "../state/others.ts";
import { writeRecord } from "../state/store.ts";
import { type LocalAddresses, localAddresses } from "./addresses.ts";
import { flush, type Removed, type Search } from "./flush.ts";
import { logReport, type Report } from "./report.ts";

/** Write permission of group and others: whoever can write or delete a record decides whose entries are alive. */
const WRITE_BY_OTHERS = 0o022;

/** Records the attachment and removes the entries that keep its traffic from it. Never throws. */
export async function onAdd(context: Context, a: Attachment): Promise<void> {
	// a directory that refuses one call refuses them all: one line is enough
	const records = { ...context, log: once(context.log) };
	const mode = attempt(records, "cannot record the attachment", () =>
		writeRecord(context.host, context.dataDir, a),
	);
	if (mode !== undefined && (mode & WRITE_BY_OTHERS) !== 0)
		records.log("warn", "others can write to the directory of records", {
			dir: context.dataDir,
			mode: mode.toString(8),
		});
	if (a.mappings.length > 0)
		logReport(context, await flushStale(context, records, a, "delete"));
}

/** Counts the entries that keep traffic from the attachment. Changes nothing, never throws. */
export function countStale(context: Context, a: Attachment): Promise<Report> {
	return flushStale(context, context, a, "count");
}

function flushStale(
	context: Context,
	records: Context,
	a: Attachment,
	action: "delete" | "count",
): Promise<Report> {
	const prepare = (deadline: Deadline): Promise<Search> =>
		searchFor(records, a, deadline);
	return flush(context.host, { prepare, action }, context.log);
}

async function searchFor(
	context: Context,
	a: Attachment,
	deadline: Deadline,
): Promise<Search> {
	const { mappings } = a;
	const mappingsOf = byPort(mappings);
	const prefilter = new Prefilter("orig.dst");
	for (const { hostIP } of mappings)
		if (hostIP !== null) prefilter.add(ipBytes(hostIP));
	const wide = mappings.filter((m) => m.hostIP === null);
	let isLocal: (ip: IP) => boolean = () => false;
	let locals: LocalAddresses | undefined;
	if (wide.length > 0) {
		const families = new Set(wide.map((m) => m.family));
		const read = await localAddresses(context.host, families, deadline);
		read.addTo(prefilter);
		isLocal = (ip) => read.has(ip);
		if (wide.length === mappings.length) locals = read;
	}
	// most nodes have no dead pod of this port, and then no reply is looked at
	const ports = mappings.map(({ hostPort }) => `"hostPort":${hostPort},`);
	const dead = endedOthers(context, a, ports).flatMap(addressesOf);
	const begun = begunByDeparted(
		mappings,
		new Map(dead.map((ip) => [ip, ip])),
		() => false,
		isLocal,
	);
	const claims = (e: Entry): readonly Mapping[] | undefined => {
		const own = mappingsOf(e.proto, e.orig.dport);
		// what replies come to is no frontend of the pod, and what is about to end goes anyway
		if (own.length === 0) return undefined;
		return own.some((m) => retiredOnAdd(m, e) !== undefined) ? undefined : own;
	};
	let isServed: ((e: Entry) => boolean) | undefined;
	const isSpared = (e: Entry): boolean => {
		// the attachment's own mappings of single addresses count as well
		isServed ??= servedBy([a, ...othersThan(context, a, ['"hostIP":"'])]);
		return isServed(e);
	};
	return {
		ports: [
			...mappings,
			...(dead.length > 0
				? mappings.map((m) => ({ ...m, side: "reply" as const }))
				: []),
		],
		prefilter,
		isCacheable: true,
		judge: (e) =>
			first(
				mappingsOf(e.proto, e.orig.dport),
				(m) => staleOnAdd(m, e, isLocal) ?? retiredOnAdd(m, e),
			) ??
			(begun(e) && "begun-by-pod"),
		async confirm() {
			const { confirmByRules } = await import("./confirm.ts");
			const { host, log } = context;
			const rules = confirmByRules(host, deadline, log, {
				ports: mappings,
				claims,
				isSpared,
				locals,
			});
			if (dead.length === 0) return rules;
			const { isHeld } = await import("./held.ts");
			const isFree = ({ reason, example }: Removed): boolean =>
				reason !== "begun-by-pod" || !isHeld(context, a, example.orig.src);
			return {
				of: (removals) => rules.of(removals.filter(isFree)),
				close: rules.close,
			};
		},
	};
}
