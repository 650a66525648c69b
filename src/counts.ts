// Counts by what they are of, added up or said in words.

import { errnoName } from "./netlink/nl.ts";

export function total(counts: ReadonlyMap<unknown, number>): number {
	return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

/** Removals that the kernel refused, by errno: `EBUSY:2,EPERM:1`. */
export function refusals(failed: ReadonlyMap<number, number>): string {
	return [...failed].map(([errno, n]) => `${errnoName(errno)}:${n}`).join(",");
}

/** What a command fails with that could not remove all. */
export function refused(failed: ReadonlyMap<number, number>): Error {
	return new Error(
		`the kernel refused to remove ${total(failed)} (${refusals(failed)})`,
	);
}
