// `--proto` of `list`, which takes every protocol that stands in the table. Only those
// that portmap maps have hostPorts, and only those can be removed.

import { isMapped, OTHER_PROTOCOLS } from "../net/otherprotos.ts";
import type { Proto } from "../net/proto.ts";
import { PROTOS, protoFlag } from "./selecting.ts";
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

/** The protocols of a list: those that a selection may have, and others. */
export interface AnyProtos {
	readonly mapped: readonly (readonly Proto[])[];
	readonly others: readonly number[];
}

/** Splits what was given, once for each flag. */
export function splitProtos(given: readonly (readonly number[])[]): AnyProtos {
	return {
		mapped: given.map((protos) => protos.filter(isMapped)),
		others: given.flat().filter((proto) => !isMapped(proto)),
	};
}
