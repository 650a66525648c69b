// What an ADD looks for: the entries that keep the traffic of its hostPorts from the pod.

import type { Entry } from "../conntrack/entry.ts";
import { Prefilter } from "../conntrack/prefilter.ts";
import { type IP, ipBytes } from "../net/ip.ts";
import { begunByDeparted } from "../policy/begun.ts";
import {
	type Attachment,
	addressesOf,
	byPort,
	first,
	type Mapping,
} from "../policy/mapping.ts";
import { retiredOnAdd, servedBy, staleOnAdd } from "../policy/stale.ts";
import {
	endedOthers,
	othersThan,
	type RecordsContext,
} from "../state/others.ts";
import { HOST_IP_WORD, portWords, VAGUE_WORD } from "../state/words.ts";
import type { LocalAddresses } from "./addresses.ts";
import type { Removed, Search } from "./search.ts";
import type { Shared } from "./shared.ts";

/** Returns the search of the ADD of `a`, whose rules are made. Throws NetlinkError, SysError or DeadlineError. */
export async function addSearch(
	context: RecordsContext,
	a: Attachment,
	shared: Shared,
): Promise<Search> {
	const { mappings } = a;
	const mappingsOf = byPort(mappings);
	const wide = mappings.filter((m) => m.hostIP === null);
	let locals: LocalAddresses | undefined;
	if (wide.length > 0) {
		locals = await shared.locals(new Set(wide.map((m) => m.family)));
	}
	const isLocal = (ip: IP): boolean => locals?.has(ip) ?? false;
	// most nodes have no dead pod of this port, and then no reply is looked at
	const ports = portWords(mappings);
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
		isServed ??= servedBy([
			a,
			...othersThan(context, a, [HOST_IP_WORD, VAGUE_WORD]),
		]);
		return isServed(e);
	};
	return {
		ports: [
			...mappings,
			...(dead.length > 0
				? mappings.map((m) => ({ ...m, side: "reply" as const }))
				: []),
		],
		prefilter() {
			const prefilter = new Prefilter("orig.dst");
			for (const { hostIP } of mappings)
				if (hostIP !== null) prefilter.add(ipBytes(hostIP));
			locals?.addTo(prefilter);
			return prefilter;
		},
		isCacheable: true,
		judge: (e) =>
			first(
				mappingsOf(e.proto, e.orig.dport),
				(m) => staleOnAdd(m, e, isLocal) ?? retiredOnAdd(m, e),
			) ??
			(begun(e) && "begun-by-pod"),
		async confirm() {
			const { confirmByRules } = await import("./confirm.ts");
			const rules = confirmByRules(shared, context.log, { claims, isSpared });
			if (dead.length === 0) return rules;
			const { isHeld } = await import("./held.ts");
			const isFree = ({ reason, example }: Removed): boolean =>
				reason !== "begun-by-pod" || !isHeld(context, a, example.orig.src);
			return (removals) => rules(removals.filter(isFree));
		},
	};
}
