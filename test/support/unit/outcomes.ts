// What rules may do with the first packet of an entry's flow, from words such as
// `P:5353 netavark`, for the tables of the policy.

import type { Entry } from "../../../src/conntrack/entry.ts";
import { AF_INET, AF_INET6, formatIP, ipBytes } from "../../../src/net/ip.ts";
import { firstPacketOf, type Prospect } from "../../../src/policy/ruling.ts";
import type { Outcome, Place } from "../../../src/rules/model.ts";
import { BOOKS, type FamilyName, isLocal, type Letter } from "../book.ts";
import { RULE_TABLES } from "../natrules.ts";

/**
 * Returns the prospect of an entry. An outcome is `none`, `drop`, `?` for what is not
 * understood, or a target with the engine that sends there, portmap if none is named:
 * `P:5353 docker`, `P-N:5353-5360` for ranges, `P` for the same port, `:53` for a port of
 * the node itself.
 */
export function prospectOf(
	family: FamilyName,
	e: Entry,
	...outcomes: readonly string[]
): Prospect {
	const isOwn = (ip: Uint8Array): boolean =>
		isLocal(formatIP(ip, 0, ip.length === 4 ? AF_INET : AF_INET6));
	const packet = firstPacketOf(e, isOwn, undefined);
	return { packet, outcomes: outcomes.map((text) => outcome(family, text)) };
}

function outcome(family: FamilyName, text: string): Outcome {
	const [words = "", engine = "portmap"] = text.split(" ");
	const table = RULE_TABLES[engine];
	if (table === undefined) throw new Error(`no such engine: ${text}`);
	const by: Place = {
		backend: "nft",
		family: family === "IPv4" ? 2 : 10,
		table,
		chain: "prerouting",
		handle: 7,
	};
	if (words === "none") return { is: "none" };
	if (words === "drop") return { is: "dropped", by };
	if (words === "?") return { is: "unknown", by };
	const [, from, to = from, low, high = low] =
		/^([A-Z]2?)?(?:-([A-Z]2?))?(?::(\d+)(?:-(\d+))?)?$/.exec(words) ?? [];
	const bytes = (letter: string): Uint8Array =>
		ipBytes(BOOKS[family][letter as Letter]);
	return {
		is: "target",
		by,
		target: {
			addresses:
				from === undefined || to === undefined
					? undefined
					: { min: bytes(from), max: bytes(to) },
			ports:
				low === undefined ? undefined : { min: Number(low), max: Number(high) },
		},
	};
}
