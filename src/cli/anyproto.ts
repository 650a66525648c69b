// `--proto` of `list`, which takes every protocol that stands in the table. Only those
// that portmap maps have hostPorts, and only those can be removed.

import { isMapped, OTHER_PROTOCOLS } from "../net/otherprotos.ts";
import type { Proto } from "../net/proto.ts";
import { type Selection, saysPorts } from "../policy/selection.ts";
import type { Query } from "./listing.ts";
import { ALL_PROTOS, PROTOS, protoFlag } from "./selecting.ts";
import { choice } from "./values.ts";

const NAMES = choice<readonly number[]>("PROTO", {
	...PROTOS,
	...Object.fromEntries(
		Object.entries(OTHER_PROTOCOLS).map(([name, proto]) => [name, [proto]]),
	),
});

export const ANY_PROTO = {
	...protoFlag("all protocols"),
	...NAMES,
	help: "select entries of this protocol, given by its name or number, where all is udp, tcp and sctp, and with --all every protocol; without this flag it is all",
	parse(text: string, flag: string): readonly number[] {
		const number = /^\d{1,3}$/.test(text) ? Number(text) : 256;
		return number < 256 ? [number] : NAMES.parse(text, flag);
	},
} as const;

/** Returns those of the given protocols that a selection may have, once for each flag. */
export function mappedOf(
	given: readonly (readonly number[])[],
): (readonly Proto[])[] {
	return given.map((protos) => protos.filter(isMapped));
}

/** Returns which entries of other protocols to show or to count, as `Query` has it. */
export function othersOf(
	selection: Selection,
	given: readonly (readonly number[])[],
	{ all, stale }: Pick<Query, "all" | "stale">,
): Query["others"] {
	const others = given.flat().filter((proto) => !isMapped(proto));
	if (others.length > 0) return others;
	// with --all, all protocols are all that there are
	const isNarrowed =
		stale || (given.length > 0 && !(all && given.includes(ALL_PROTOS)));
	// a key of GRE is no port
	return isNarrowed || saysPorts(selection) ? undefined : "all";
}
