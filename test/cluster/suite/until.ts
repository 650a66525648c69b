import { now, sleep } from "../../support/clock.ts";

/** The longest that a cluster may take to become what it is to be. */
const LONGEST_MS = 90_000;

/** Looks until it is so; rejects with `what` if that takes too long. */
export async function until(
	what: string,
	isSo: () => Promise<boolean>,
	withinMs = LONGEST_MS,
): Promise<void> {
	for (const last = now() + withinMs; !(await isSo()); await sleep(200))
		if (now() > last) throw new Error(`not in time: ${what}`);
}
