// Counts by what they are of, added up or said in words.

import { errnoName } from "../netlink/nl.ts";

export function total(counts: Iterable<number>): number {
	return [...counts].reduce((sum, n) => sum + n, 0);
}

/** Removals that the kernel refused, by errno: `EBUSY:2,EPERM:1`. */
export function refusals(failed: ReadonlyMap<number, number>): string {
	return [...failed].map(([errno, n]) => `${errnoName(errno)}:${n}`).join(",");
}
